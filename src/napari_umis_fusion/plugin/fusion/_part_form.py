"""Which part of the stack: a region drawn as a shape, and the first and last plane."""

from dataclasses import dataclass
from typing import Any

from magicgui.widgets import ComboBox, SpinBox

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.viewer import WHOLE_PLANE, TargetStack, region_bounds
from napari_umis_fusion.plugin.widgets import ConfigForm


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a stack that is fused.

    Attributes
    ----------
    region : str
        Name of a shapes layer, or "whole plane".
    first_plane, last_plane : int
        Counted from 0; the last is fused too.
    """

    region: str = WHOLE_PLANE
    first_plane: int = 0
    last_plane: int = 0


class PartForm(ConfigForm):
    """Rows for a `Part` of the stack that is meant; follows the shapes of a viewer.

    Parameters
    ----------
    viewer : napari viewer
        Whose shapes layers are offered as regions.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._planes = 0
        rows = {
            "region": ComboBox(
                name="region",
                label="region",
                choices=[WHOLE_PLANE],
                tooltip="A shapes layer whose selected shape, or last one, bounds the region to "
                "fuse.",
            ),
            "first_plane": SpinBox(
                name="first_plane", label="first plane", min=0, max=0, tooltip="Counted from 0."
            ),
            "last_plane": SpinBox(
                name="last_plane", label="last plane", min=0, max=0, tooltip="Is fused too."
            ),
        }
        super().__init__(Part(), rows=rows)
        viewer.layers.events.inserted.connect(self._offer_regions)
        viewer.layers.events.removed.connect(self._offer_regions)
        self._offer_regions()

    def release(self) -> None:
        """Follow the viewer no more."""
        self._viewer.layers.events.inserted.disconnect(self._offer_regions)
        self._viewer.layers.events.removed.disconnect(self._offer_regions)

    def adapt_to(self, target: TargetStack | None) -> None:
        """Let the planes range over those of a stack; all of them if their number is another."""
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
                f"the planes go from {first} to {last}: the last must not lie before the first."
            )
        whole = (first, last) == (0, target.planes - 1)
        rows = columns = None
        if part.region not in (WHOLE_PLANE, None):
            rows, columns = region_bounds(self._viewer.layers[part.region], target)
        return {"rows": rows, "columns": columns, "planes": None if whole else (first, last)}

    def _offer_regions(self, event: Any = None) -> None:
        names = [layer.name for layer in self._viewer.layers if layer._type_string == "shapes"]
        row = self["region"]
        chosen = row.value
        row.choices = [WHOLE_PLANE, *names]
        if chosen in row.choices:
            row.value = chosen
