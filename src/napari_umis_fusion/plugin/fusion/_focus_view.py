"""Click a pixel: the viewer jumps to its plane, and the focus curve of the pixel is plotted."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.fusion import FocusCurve, iter_focus_curve
from napari_umis_fusion.plugin.fusion._click_mark import ClickMark
from napari_umis_fusion.plugin.fusion._clicked_pixel import (
    ClickedPixel,
    Described,
    pixel_of_result,
    pixel_of_stack,
    why_ignored,
)
from napari_umis_fusion.plugin.fusion._focus_plot import FocusPlot, MarkedFocus
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.viewer import entries_shown, go_to_plane
from napari_umis_fusion.plugin.widgets import LatestJob, Message
from napari_umis_fusion.runtime import sentence_of

HINT = "Click a pixel of the stack, or of a fused layer, to see its focus along z."


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """What is measured: a pixel, and where it was clicked in the world."""

    pixel: ClickedPixel
    position: Any


class FocusView(QWidget):
    """Plots the focus along z of the pixel that was clicked last.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose canvas is clicked.
    fused : FusedLayers
        The fusions so far, with the maps of their planes.
    describe : callable
        Returns target, config and plan of the chosen stack, or None if nothing can be fused.

    Signals
    -------
    shown()
        The pixel, or why there is none, is told.
    """

    shown = Signal()

    def __init__(
        self, viewer: Any, fused: FusedLayers, describe: Callable[[], Described | None]
    ) -> None:
        super().__init__()
        self._viewer, self._fused, self._describe = viewer, fused, describe
        self._request: _Request | None = None
        self.curve: FocusCurve | None = None
        self.mark = ClickMark(viewer)
        self.message = Message(HINT)
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
        fused.events.changed.connect(self.renew)
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
        self._fused.events.changed.disconnect(self.renew)
        self.mark.release()

    def adapt_to(self, layers: list[Any]) -> None:
        """Forget a pixel of other layers than these, or of a layer that has been removed."""
        request = self._request
        if request is None:
            return
        source = request.pixel.source()
        is_there = source is not None and source in self._viewer.layers and source in layers
        was_fused = request.pixel.plane is not None
        if not is_there or (was_fused and self._fused.fused_by(source) is None):
            self.clear(HINT)

    def renew(self, event: Any = None) -> None:
        """Look at the same pixel again after a fusion or its undo; the viewer stays as it is."""
        if self._request is not None:
            self._look(self._request.position, moves=False)

    def clear(self, message: str) -> None:
        """Show no pixel, and this message instead."""
        self._job.cancel()
        self._request = self.curve = None
        self.mark.hide()
        self.plot.clear("")
        self.plot.hide()
        self.message.setText(message)
        self.shown.emit()

    def show_pixel(self, position: Any) -> int | None:
        """Measure the focus of a pixel along z; of a fused one, go to its plane.

        Parameters
        ----------
        position : sequence of float
            World coordinates, as in a mouse event.

        Returns
        -------
        int or None
            The plane that was chosen for it; None if it is not fused, or there is no such pixel.
        """
        reason = why_ignored(self._viewer)
        if reason is not None:
            if reason:
                self.clear(reason)
            return None
        return self._look(position)

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

    def _look(self, position: Any, *, moves: bool = True) -> int | None:
        """Measure the pixel at a place, or say why there is none."""
        found: ClickedPixel | str | None
        try:
            found = pixel_of_result(self._viewer, self._fused, position)
            found = found or pixel_of_stack(self._viewer, self._describe(), position)
        except UmisFusionError as error:
            found = sentence_of(error)
        if isinstance(found, str):
            self.clear(found)
            return None
        self._measure(found, position, moves=moves)
        return found.plane

    def _measure(self, pixel: ClickedPixel, position: Any, *, moves: bool) -> None:
        source = pixel.source()
        self._request, self.curve = _Request(pixel, position), None
        if moves and pixel.plane is not None:
            go_to_plane(self._viewer, source, pixel.z_axis, pixel.plane)
        vertical, horizontal = self._viewer.dims.displayed[-2:]
        self.mark.show(position[vertical], position[horizontal])
        self.message.setText(pixel.description())
        self.plot.show()
        start = partial(iter_focus_curve, pixel.stack, pixel.row, pixel.column, pixel.config)
        self._job.submit(start)
        self.shown.emit()

    def _on_failed(self, error: Exception) -> None:
        self.plot.clear(sentence_of(error))

    def _show(self, curve: FocusCurve) -> None:
        if self._request is None:
            return
        pixel, self.curve = self._request.pixel, curve
        step = pixel.stack.calibration.z_step_um
        planes = np.arange(pixel.first_plane + len(curve.focus))
        focus = np.full(len(planes), np.nan)
        focus[pixel.first_plane :] = curve.focus
        self.plot.setValue(
            MarkedFocus(
                np.asarray(planes * step if step else planes, np.float64),
                focus,
                chosen=None if pixel.is_copied else pixel.plane,
                source=pixel.plane if pixel.is_copied else None,
                current=self._plane_shown(),
                unit="µm" if step else "",
                is_relative=curve.is_share,
            )
        )
        self.message.setText(pixel.description(curve.sharpest))

    def _on_plane_clicked(self, number: int) -> None:
        if self._request is None:
            return
        pixel, source = self._request.pixel, self._request.pixel.source()
        if source in self._viewer.layers:
            go_to_plane(self._viewer, source, pixel.z_axis, number)

    def _on_step(self, event: Any = None) -> None:
        """Mark the plane that the viewer shows."""
        if self.curve is not None:
            self.plot.set_current(self._plane_shown())

    def _plane_shown(self) -> int | None:
        pixel = None if self._request is None else self._request.pixel
        source = None if pixel is None else pixel.source()
        if pixel is None or source not in self._viewer.layers:
            return None
        return entries_shown(self._viewer, source)[pixel.z_axis]
