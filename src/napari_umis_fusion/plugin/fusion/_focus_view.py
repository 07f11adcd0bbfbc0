"""Click a pixel: the viewer jumps to its plane, and the focus curve of the pixel is plotted."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_umis_fusion.fusion import FocusCurve, iter_focus_curve
from napari_umis_fusion.layers import OutputLayer
from napari_umis_fusion.plugin.fusion._focus_plot import FocusPlot, MarkedFocus
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.viewer import go_to_plane
from napari_umis_fusion.plugin.widgets import LatestJob

HINT = "Click a pixel of a fused layer to see its plane and its focus along z."


class FocusView(QWidget):
    """Plots the focus along z of the pixel that was clicked last.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose canvas is clicked.
    fused : FusedLayers
        The fusions so far, with the maps of their planes.
    """

    def __init__(self, viewer: Any, fused: FusedLayers) -> None:
        super().__init__()
        self._viewer, self._fused = viewer, fused
        self._request: tuple[OutputLayer, Any, int] | None = None
        self._source: Callable[[], Any] = lambda: None
        self.curve: FocusCurve | None = None
        self.message = QLabel(HINT)
        self.message.setWordWrap(True)
        self.plot = FocusPlot()
        self.plot.hide()  # until the first click
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.message)
        layout.addWidget(self.plot)
        self._job = LatestJob(delay_ms=0)
        self._job.done.connect(self._show)
        self._job.failed.connect(self._on_failed)
        self.plot.planeClicked.connect(self._on_plane_clicked)
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.events.theme.connect(self._take_theme)
        self._take_theme()

    @property
    def is_busy(self) -> bool:
        """Whether a curve is being measured."""
        return self._job.is_busy

    def release(self) -> None:
        """Disconnect from the viewer."""
        self._job.cancel()
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self._viewer.dims.events.current_step.disconnect(self._on_step)
        self._viewer.events.theme.disconnect(self._take_theme)

    def show_pixel(self, position: Any) -> int | None:
        """Go to the plane of a pixel, and measure its focus along z.

        Parameters
        ----------
        position : sequence of float
            World coordinates, as in a mouse event.

        Returns
        -------
        int or None
            The plane; None if the active layer is no result of a fusion, or outside of it.
        """
        layer = self._viewer.layers.selection.active
        fused = None if layer is None else self._fused.fused_by(layer)
        if fused is None or layer is None or not fused.event.origins:
            return None
        source = fused.sources[0]()
        if source is None or source not in self._viewer.layers:
            return None
        origin = fused.origin(layer)
        pixel = origin.pixel(source.world_to_data(position))
        if pixel is None:
            return None
        plane = int(origin.value_at(pixel))
        go_to_plane(self._viewer, source, origin.axes.z, plane)
        self._source = fused.sources[0]
        self._measure(origin, pixel, plane, fused.event.config)
        return plane

    def _take_theme(self, event: Any = None) -> None:
        theme = get_theme(self._viewer.theme)
        colours = (theme.background, theme.text, theme.current)
        self.plot.set_colours(*(colour.as_hex() for colour in colours))

    def _on_press(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Distinguish a click from a drag, which napari uses to pan."""
        start = event.pos if hasattr(event, "pos") else None
        position, moved = event.position, False
        yield
        while event.type == "mouse_move":
            moved = moved or start is None or max(abs(event.pos - start)) > 3
            yield
        if not moved and event.button == 1 and not event.modifiers:
            self.show_pixel(position)

    def _measure(self, origin: OutputLayer, pixel: Any, plane: int, config: Any) -> None:
        stack, row, column = origin.stack_at(pixel)
        axes = origin.axes
        place = f"Row {pixel[axes.y]}, column {pixel[axes.x]}: plane {plane}"
        step = stack.calibration.z_step_um
        self.message.setText(f"{place}, depth {plane * step:.4g} µm." if step else f"{place}.")
        self._request = origin, step, plane
        self.plot.show()
        self._job.submit(lambda: iter_focus_curve(stack, row, column, config))

    def _on_failed(self, error: Exception) -> None:
        self.plot.clear(str(error))

    def _show(self, curve: FocusCurve) -> None:
        if self._request is None:
            return
        origin, step, plane = self._request
        self.curve = curve
        planes = np.arange(origin.first_plane + len(curve.focus))
        focus = np.full(len(planes), np.nan)
        focus[origin.first_plane :] = curve.focus
        is_source = origin.kind == "source_map"
        self.plot.setValue(
            MarkedFocus(
                np.asarray(planes * step if step else planes, np.float64),
                focus,
                chosen=None if is_source else plane,
                source=plane if is_source else None,
                current=plane,
                unit="µm" if step else "",
                is_relative=curve.is_share,
            )
        )

    def _on_plane_clicked(self, number: int) -> None:
        if self._request is None:
            return
        origin, source = self._request[0], self._source()
        if source in self._viewer.layers:
            go_to_plane(self._viewer, source, origin.axes.z, number)

    def _on_step(self, event: Any = None) -> None:
        """Mark the plane that the viewer shows."""
        if self._request is None or self.curve is None:
            return
        origin = self._request[0]
        ndim = len(origin.image.shape)
        # napari aligns axes at the right
        axis = origin.axes.z + self._viewer.dims.ndim - ndim
        if not 0 <= axis < self._viewer.dims.ndim:
            return
        self.plot.set_current(int(self._viewer.dims.current_step[axis]))
