"""Lines and regions that are drawn over a depth map."""

from typing import Any

import numpy as np

from napari_umis_fusion.plugin.surface._layers_form import SurfaceSource
from napari_umis_fusion.plugin.viewer import points_in
from napari_umis_fusion.runtime import BoolMap, Float64Array

NAME = "measure"
LINES = ("line", "path")
MODES = {"line": "add_line", "region": "add_polygon"}


class Drawn:
    """A shapes layer of lines and regions.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that gets the layer when something is drawn first.
    changed : callable
        Called when a shape has changed, or the layer was removed.
    """

    def __init__(self, viewer: Any, changed: Any) -> None:
        self._viewer, self._changed = viewer, changed
        self.layer: Any = None
        viewer.layers.events.removed.connect(self._on_removed)

    def release(self) -> None:
        """Disconnect from viewer and layer; shapes stay."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if self.layer is not None:
            self.layer.events.data.disconnect(self._changed)

    def begin(self, what: str, source: SurfaceSource) -> None:
        """Let the user draw a "line" or a "region" over a depth map."""
        if self.layer is None:
            self.layer = self._viewer.add_shapes(
                name=NAME,
                ndim=2,
                **source.placed_shapes(),
                face_color="transparent",
                edge_color="#e69f00",
                edge_width=max(1.0, max(source.depth.image.shape) / 300),
            )
            self.layer.events.data.connect(self._changed)
        self._viewer.layers.selection.active = self.layer
        self.layer.mode = MODES[what]

    def line_px(self, source: SurfaceSource) -> Float64Array | None:
        """Return rows and columns of the last line; None if there is none inside the depth map."""
        lines = self._shapes(LINES, source)
        if not lines:
            return None
        line = lines[-1]
        return line if ((line > -0.5) & (line < np.array(source.shape) - 0.5)).all() else None

    def regions(self, source: SurfaceSource) -> list[BoolMap]:
        """Return the pixels of a depth map in each region, in the order of drawing."""
        from skimage.draw import polygon2mask

        corners = self._shapes(("polygon", "rectangle", "ellipse"), source)
        return [polygon2mask(source.shape, one).astype(bool) for one in corners]  # type: ignore[no-untyped-call]

    def _shapes(self, kinds: tuple[str, ...], source: SurfaceSource) -> list[Float64Array]:
        """Return rows and columns in a depth map, which may be another than that drawn over."""
        if self.layer is None:
            return []
        pairs = zip(self.layer.data, self.layer.shape_type, strict=True)
        axes = list(source.depth.plane_axes)
        return [
            points_in(source.layer, self.layer, data)[:, axes]
            for data, kind in pairs
            if kind in kinds
        ]

    def _on_removed(self, event: Any) -> None:
        if event.value is self.layer and self.layer is not None:
            self.layer.events.data.disconnect(self._changed)
            self.layer = None
            self._changed()
