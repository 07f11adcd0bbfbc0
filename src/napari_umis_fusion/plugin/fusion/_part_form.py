"""Which part of the stack: a region drawn as a shape, and the first and last plane."""

from typing import Any

from magicgui.widgets import ComboBox, SpinBox

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.plugin.viewer import WHOLE_PLANE, TargetStack, region_bounds
from napari_umis_fusion.plugin.widgets._rows import Rows


class PartForm(Rows):
    """Rows for the region and the range of planes; `options` are those of `LayerPlan`."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._region = ComboBox(
            name="region",
            label="region",
            choices=[WHOLE_PLANE],
            tooltip="A shapes layer whose selected shape, or last one, bounds the region to fuse.",
        )
        self._first = SpinBox(
            name="first_plane", label="first plane", min=0, max=0, tooltip="Counted from 0."
        )
        self._last = SpinBox(
            name="last_plane", label="last plane", min=0, max=0, tooltip="Is fused too."
        )
        super().__init__([self._region, self._first, self._last])
        viewer.layers.events.inserted.connect(self._offer_regions)
        viewer.layers.events.removed.connect(self._offer_regions)
        self._planes = 0
        self._offer_regions()

    def let_go(self) -> None:
        """Let go of the viewer."""
        self._viewer.layers.events.inserted.disconnect(self._offer_regions)
        self._viewer.layers.events.removed.disconnect(self._offer_regions)

    def fit(self, target: TargetStack | None) -> None:
        """Let the planes range over those of a stack; all of them if their number is another."""
        if target is None or target.planes == self._planes:
            return
        self._planes = planes = target.planes
        with self.changed.blocked():
            for row in (self._first, self._last):
                row.max = max(planes - 1, 0)
            self._first.value, self._last.value = 0, max(planes - 1, 0)

    def options(self, target: TargetStack) -> dict[str, Any]:
        """Return ``rows``, ``columns`` and ``planes`` for a `LayerPlan`.

        Raises
        ------
        ConfigError
            If the region lies outside the stack, or the last plane before the first.
        """
        first, last = self._first.value, self._last.value
        if last < first:
            raise ConfigError(
                f"the planes go from {first} to {last}: the last must not lie before the first."
            )
        whole = (first, last) == (0, target.planes - 1)
        rows, columns = self._rectangle(target)
        return {"rows": rows, "columns": columns, "planes": None if whole else (first, last)}

    def _offer_regions(self, event: Any = None) -> None:
        names = [layer.name for layer in self._viewer.layers if layer._type_string == "shapes"]
        chosen = self._region.value
        self._region.choices = [WHOLE_PLANE, *names]
        if chosen in self._region.choices:
            self._region.value = chosen

    def _rectangle(self, target: TargetStack) -> tuple[Any, Any]:
        if self._region.value in (WHOLE_PLANE, None):
            return None, None
        shapes = self._viewer.layers[self._region.value]
        return region_bounds(shapes, target)
