"""Positions, channels and time points at which a sweep is repeated: a plan of useq."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.plugin.acquire._devices import plain_reason
from napari_umis_fusion.plugin.acquire._microscope import Microscope
from napari_umis_fusion.plugin.widgets import Message
from napari_umis_fusion.runtime import sentence_of

NOTHING = "One sweep, here and now."
AXES = {"t": "time points", "p": "positions", "g": "grid places", "c": "channels"}


class PlanChoice(QWidget):
    """Chooses a plan: from a file, or in a dialog.

    Parameters
    ----------
    microscope : Microscope
        It has the channels and stage positions that a plan may name.

    Signals
    -------
    valueChanged()
        There is another plan.
    told(str)
        What is wrong with a file.
    """

    valueChanged = Signal()  # noqa: N815
    told = Signal(str)

    def __init__(self, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self._plan: Any = None
        self.text = Message(NOTHING)
        self.edit, self.open, self.clear = (
            QPushButton(text) for text in ("Edit…", "Open…", "Clear")
        )
        self.edit.setToolTip("Choose positions, channels and time points to sweep at.")
        self.open.setToolTip("Open a plan of useq (.yaml or .json); its z plan is not used.")
        self.clear.setToolTip("Sweep once, without a plan.")
        buttons = QHBoxLayout()
        for button in (self.edit, self.open, self.clear):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.edit.clicked.connect(self._on_edit)
        self.open.clicked.connect(self._on_open)
        self.clear.clicked.connect(lambda: self.setValue(None))

    def value(self) -> Any:
        """Return the plan, a ``useq.MDASequence``; None if there is none."""
        return self._plan

    def setValue(self, plan: Any) -> None:  # noqa: N802
        """Use a plan; its z plan is replaced by the sweep."""
        self._plan = None if plan is None else plan.replace(z_plan=None)
        self.text.setText(NOTHING if self._plan is None else described(self._plan))
        self.valueChanged.emit()

    def load(self, path: str) -> None:
        """Use the plan in a file; `told` says what is wrong with it."""
        try:
            self.setValue(read_plan(path))
        except UmisFusionError as error:
            self.told.emit(sentence_of(error))

    def _on_open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Plan of positions, channels and time points", "", "Plans (*.yaml *.yml *.json)"
        )
        if chosen:
            self.load(chosen)

    def _on_edit(self) -> None:
        self._microscope.ask(_import_editor, lambda _: self._edit())

    def _edit(self) -> None:
        with icons_without_network():
            dialog = PlanDialog(self, self._microscope.core, self._plan)
            if dialog.exec() == QDialog.DialogCode.Accepted:
                self.setValue(dialog.value())
            dialog.deleteLater()


def _import_editor() -> None:
    """Import in the microscope's thread what takes seconds, so that the window need not wait."""
    import pymmcore_widgets  # noqa: F401


class PlanDialog(QDialog):
    """The plan editor of pymmcore-widgets, without what runs and saves plans.

    Parameters
    ----------
    parent : QWidget
        Window below.
    core : CMMCorePlus
        The microscope, which has the channels and the stage positions.
    plan : useq.MDASequence or None
        What is edited.
    """

    def __init__(self, parent: QWidget, core: Any, plan: Any) -> None:
        super().__init__(parent)
        from pymmcore_widgets import MDAWidget

        self.editor = MDAWidget(mmcore=core)
        self.editor.save_info.hide()
        self.editor.control_btns.hide()
        if plan is not None:
            self.editor.setValue(plan)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.editor)
        layout.addWidget(buttons)

    def value(self) -> Any:
        """Return the plan."""
        return self.editor.value()


@contextmanager
def icons_without_network() -> Iterator[None]:
    """Make icons of letters, unless they are cached: fetching them would stop the window."""
    from pyconify import api

    # it asks for the age of icon sets even where icons are cached
    asking = {name: getattr(api, name) for name in ("svg", "last_modified")}
    for name in asking:
        setattr(api, name, _refused)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        for name, ask in asking.items():
            setattr(api, name, ask)


def _refused(*arguments: Any, **options: Any) -> bytes:
    raise OSError("icons are not fetched from the network")


def read_plan(path: str) -> Any:
    """Return the plan in a file, a ``useq.MDASequence``.

    Raises
    ------
    ConfigError
        If it cannot be read, or is none.
    """
    from useq import MDASequence

    try:
        return MDASequence.from_file(path)
    except Exception as error:
        raise ConfigError(
            f"{path} is no plan: {plain_reason(error)}. Accepted are files of useq-schema "
            "(.yaml or .json), such as napari-micromanager saves."
        ) from error


def described(plan: Any) -> str:
    """Return what a plan repeats, such as "3 positions, 2 channels"."""
    sizes = {axis: size for axis, size in plan.sizes.items() if axis in AXES and size > 1}
    parts = [f"{size} {AXES[axis]}" for axis, size in sizes.items()]
    return f"A sweep at each of {', '.join(parts)}." if parts else NOTHING
