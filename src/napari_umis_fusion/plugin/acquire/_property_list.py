"""All properties of the camera, each with the widget that fits it."""

import contextlib
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFormLayout, QLabel, QWidget

from napari_umis_fusion.plugin.acquire._microscope import Microscope
from napari_umis_fusion.plugin.widgets import prepare_boxes

FIRST = ("gain", "auto", "binning")
"""Properties with these words in their names come first: they are set most often."""

HAS_OWN_ROW = ("Exposure",)


class PropertyList(QWidget):
    """Rows for the properties of a camera, by the widgets of pymmcore-widgets.

    Those set properties in the main thread, where a camera that exposes for seconds would stop the
    window: here the microscope's thread does.

    Parameters
    ----------
    microscope : Microscope
        The microscope.
    """

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self._camera: tuple[Any, str] | None = None
        self.rows: dict[str, Any] = {}
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        microscope.changed.connect(self._on_changed)
        microscope.propertyChanged.connect(self._on_property)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Make the rows when they are first seen: some cameras have a hundred."""
        super().showEvent(event)
        self.fill()

    def fill(self) -> None:
        """Make the rows of the present camera, unless they are there."""
        core, camera = self._microscope.core, self._microscope.devices.camera
        if core is None or not camera or self._camera == (core, camera):
            return
        self._camera = core, camera

        def names() -> list[str]:
            # Imported here: it takes seconds, for which the window need not wait.
            import pymmcore_widgets  # noqa: F401

            found = [str(name) for name in core.getDevicePropertyNames(camera)]
            found = [name for name in found if name not in HAS_OWN_ROW]
            return sorted(found, key=lambda name: not any(w in name.lower() for w in FIRST))

        def failed(error: Exception) -> None:
            self._camera = None
            self._microscope.tell(error)

        self._microscope.ask(names, lambda found: self._make(core, camera, found), failed)

    def release(self) -> None:
        """Disconnect from the core."""
        self._clear()

    def _clear(self) -> None:
        self._camera = None
        self.rows.clear()
        while self._layout.rowCount():
            self._layout.removeRow(0)

    def _make(self, core: Any, camera: str, names: list[str]) -> None:
        from pymmcore_widgets import PropertyWidget

        if self._camera != (core, camera):
            return
        for name in names:
            row = PropertyWidget(camera, name, mmcore=core, connect_core=False)
            _disconnect(core, row)
            row.valueChanged.connect(lambda value, name=name: self._on_value(name, value))
            self.rows[name] = row
            prepare_boxes(row)
            row.inner_widget.setAccessibleName(name)
            self._layout.addRow(QLabel(name), row)

    def _on_changed(self) -> None:
        if self._camera != (self._microscope.core, self._microscope.devices.camera):
            self._clear()
            if self.isVisible():
                # Later: rows that are removed may still be within their own signal.
                QTimer.singleShot(0, self.fill)

    def _on_value(self, name: str, value: Any) -> None:
        core, camera = self._microscope.core, self._microscope.devices.camera

        def set_value() -> str:
            try:
                core.setProperty(camera, name, value)
            finally:
                read = str(core.getProperty(camera, name))
            return read

        def refused(error: Exception) -> None:
            self._microscope.tell(error)
            self._microscope.ask(
                lambda: str(core.getProperty(camera, name)), lambda read: self._show(name, read)
            )

        self._microscope.ask(set_value, lambda read: self._show(name, read), refused, key=name)

    def _on_property(self, device: str, name: str, value: str) -> None:
        if self._camera is not None and device == self._camera[1]:
            self._show(name, value)

    def _show(self, name: str, value: str) -> None:
        row = self.rows.get(name)
        if row is not None:
            row.inner_widget.blockSignals(True)
            row.setValue(value)
            row.inner_widget.blockSignals(False)


def _disconnect(core: Any, row: Any) -> None:
    """Keep a row from following the core itself: some cores signal in the thread of a device."""
    for signal, name in (
        (core.events.propertyChanged, "_on_core_changed"),
        (core.events.systemConfigurationLoaded, "_on_config_loaded"),
    ):
        with contextlib.suppress(AttributeError, TypeError, ValueError, RuntimeError):
            signal.disconnect(getattr(row, name))
