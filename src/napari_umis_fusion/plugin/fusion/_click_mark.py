"""A cross on the canvas where a pixel was clicked."""

from typing import Any

import numpy as np

SIZE_PX = 15
ABOVE_ALL = 10_000
"""Order in which it is drawn, after all layers."""


class ClickMark:
    """Draws a cross at a place in the 2D view.

    It is no layer: a layer would be in the list and in what is saved, and change which layer is
    active. Viewers without a window show nothing.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._visual: Any = None
        self.place: tuple[float, float] | None = None
        viewer.dims.events.ndisplay.connect(self.hide)
        viewer.dims.events.order.connect(self.hide)

    @property
    def is_drawn(self) -> bool:
        """Whether the cross is on the canvas."""
        return self._visual is not None and bool(self._visual.visible)

    def show(self, row: float, column: float) -> None:
        """Show the cross at a place in the world, as the vertical and the horizontal axis show."""
        self.place = row, column
        if self._visual is None:
            self._visual = _make_cross(self._viewer)
        if self._visual is not None:
            self._visual.set_data(np.array([(column, row, 0.0)]), **_LOOK)
            self._visual.visible = True

    def hide(self, event: Any = None) -> None:
        """Remove the cross."""
        self.place = None
        if self._visual is not None:
            self._visual.visible = False

    def release(self) -> None:
        """Disconnect from the viewer, and leave its canvas."""
        self._viewer.dims.events.ndisplay.disconnect(self.hide)
        self._viewer.dims.events.order.disconnect(self.hide)
        self.hide()
        if self._visual is not None:
            self._visual.parent = None
            self._visual = None


_LOOK = {
    "symbol": "cross",
    "size": SIZE_PX,
    "face_color": "yellow",
    "edge_color": "black",
    "edge_width": 1,
}


def _make_cross(viewer: Any) -> Any:
    window = getattr(viewer, "window", None)
    # napari has no public way to draw on its canvas, except by a layer
    canvas = getattr(getattr(window, "_qt_viewer", None), "canvas", None)
    scene = getattr(getattr(canvas, "view", None), "scene", None)
    if scene is None:
        return None
    from vispy.scene.visuals import Markers

    visual = Markers(parent=scene)
    visual.order = ABOVE_ALL
    visual.set_gl_state("translucent", depth_test=False)
    return visual
