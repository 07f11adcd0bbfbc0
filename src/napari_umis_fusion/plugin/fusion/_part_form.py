"""The part of the stack to fuse: a region drawn as a shape, and the first and last plane."""

from dataclasses import dataclass
from typing import Any

from magicgui.widgets import SpinBox
from qtpy.QtWidgets import QPushButton

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.viewer import (
    WHOLE_PLANE,
    FollowedLayers,
    NamedLayers,
    TargetStack,
    draw_region,
    region_bounds,
)
from napari_umis_fusion.plugin.widgets import ConfigForm, names_box


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a stack that is fused.

    Attributes
    ----------
    region : str
        Name of a shapes layer, or "whole plane".
    first_plane, last_plane : int
        Counted from 0; the last is included.
    """

    region: str = WHOLE_PLANE
    first_plane: int = 0
    last_plane: int = 0


DRAWN = "region"
"""Name of a shapes layer that is added to draw in."""


class PartForm(ConfigForm):
    """Rows for a `Part` of the current stack; follows the shapes layers of a viewer.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose shapes layers are offered as regions.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._planes = 0
        self._target: TargetStack | None = None
        self._followed = FollowedLayers(["data"], self._on_drawn)
        self._named = NamedLayers(self._offer_regions)
        rows = {
            "region": names_box(
                name="region",
                label="region",
                choices=[WHOLE_PLANE],
                tooltip="Shapes layer whose selected (or last) shape bounds the region to fuse.",
            ),
            "first_plane": SpinBox(
                name="first_plane",
                label="first plane",
                min=0,
                max=0,
                tooltip="First plane to fuse, counted from 0.",
            ),
            "last_plane": SpinBox(
                name="last_plane",
                label="last plane",
                min=0,
                max=0,
                tooltip="Last plane to fuse, included.",
            ),
        }
        super().__init__(Part(), rows=rows)
        self.draw = QPushButton("Draw a region")
        self.draw.setToolTip(
            "Add a shapes layer to draw a rectangle; only what it bounds is fused."
        )
        self.draw.clicked.connect(self._on_draw)
        self._layout.insertRow(1, self.draw)
        viewer.layers.events.inserted.connect(self._offer_regions)
        viewer.layers.events.removed.connect(self._offer_regions)
        self._offer_regions()

    def release(self) -> None:
        """Disconnect from the viewer."""
        self._viewer.layers.events.inserted.disconnect(self._offer_regions)
        self._viewer.layers.events.removed.disconnect(self._offer_regions)
        self._target = None
        self._followed.follow([])
        self._named.follow([])

    def adapt_to(self, target: TargetStack | None) -> None:
        """Set the range of the planes to a stack; a different number of planes selects all."""
        self._target = target
        self.draw.setEnabled(target is not None)
        if target is None or target.planes == self._planes:
            return
        self._planes = target.planes
        last = max(target.planes - 1, 0)
        for name in ("first_plane", "last_plane"):
            with self[name].changed.blocked():
                self[name].max = last
        self.set_row_values({"first_plane": 0, "last_plane": last})

    def plan_options(self, target: TargetStack) -> dict[str, Any]:
        """Return ``rows``, ``columns`` and ``planes`` for a `LayerPlan`.

        Raises
        ------
        ConfigError
            If the region lies outside the stack, or the last plane before the first.
        """
        part = self.value()
        first, last = part.first_plane, part.last_plane
        if last < first:
            raise ConfigError(
                f"planes {first} to {last}: the last lies before the first. Raise the last "
                "plane, or lower the first."
            )
        whole = (first, last) == (0, target.planes - 1)
        rows = columns = None
        if part.region not in (WHOLE_PLANE, None):
            if part.region not in self._viewer.layers:
                raise ConfigError(
                    f"the region {part.region!r} is not open any more. Choose another one, or "
                    f"{WHOLE_PLANE!r}."
                )
            rows, columns = region_bounds(self._viewer.layers[part.region], target)
        return {"rows": rows, "columns": columns, "planes": None if whole else (first, last)}

    def _update_rows(self) -> None:
        super()._update_rows()
        chosen = self["region"].value
        shapes = [layer for layer in self._viewer.layers if layer.name == chosen]
        self._followed.follow(shapes[:1])

    def _on_drawn(self, event: Any = None) -> None:
        """Tell of another region when its shape is drawn or moved."""
        self.valueChanged.emit()

    def _on_draw(self) -> None:
        """Draw in the chosen region, or in a new layer."""
        target, chosen = self._target, self["region"].value
        if target is None:
            return
        if chosen not in (WHOLE_PLANE, None):
            shapes = self._viewer.layers[chosen]
            self._viewer.layers.selection.active = shapes
            shapes.mode = "add_rectangle"
            return
        shapes = draw_region(self._viewer, target.layers[0], target.axes, DRAWN)
        self["region"].value = shapes.name

    def _offer_regions(self, event: Any = None) -> None:
        shapes = [layer for layer in self._viewer.layers if layer._type_string == "shapes"]
        row = self["region"]
        chosen = self._named.now(row.value)
        names = self._named.follow(shapes)
        row.choices = [WHOLE_PLANE, *names]
        if chosen in row.choices:
            row.value = chosen
