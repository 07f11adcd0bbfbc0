"""The images of a comparison, as layers in a grid or over each other."""

import weakref
from collections.abc import Sequence
from typing import Any, Literal

from napari.layers import Layer

from napari_umis_fusion.files import RUN_KEY, LayerData
from napari_umis_fusion.plugin.viewer import grid_of

Arrangement = Literal["grid", "stacked"]


class ComparedLayers:
    """Shows the images of each way, and leaves the viewer's other layers as they are.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        # weak: images that the user deletes must not stay in memory
        self._shown: dict[str, list[weakref.ref[Any]]] = {}
        self._grid_before: tuple[bool, int, tuple[int, int]] | None = None
        self._arrangement: Arrangement = "stacked"
        grid_of(viewer).events.enabled.connect(self._show_names)

    @property
    def names(self) -> list[str]:
        """The ways that have an image in the viewer."""
        return [name for name in self._shown if self.of(name)]

    def of(self, name: str) -> list[Any]:
        """Return the layers of a way that are in the viewer."""
        found = [reference() for reference in self._shown.get(name, ())]
        return [layer for layer in found if layer in self._viewer.layers]

    def add(self, name: str, made: Sequence[LayerData]) -> None:
        """Add the images of a way; the selection stays."""
        layers = self._viewer.layers
        selected, active = set(layers.selection), layers.selection.active
        self.remove([name])
        added = []
        for data, attributes, kind in made:
            source = attributes["metadata"][RUN_KEY]["layer"]["name"]
            told = {**attributes, "name": f"{name}: {source}"}
            added.append(self._viewer.add_layer(Layer.create(data, told, kind)))
        self._shown[name] = [weakref.ref(layer) for layer in added]
        layers.selection = selected & set(layers)
        if active in layers:
            layers.selection.active = active

    def remove(self, names: Sequence[str]) -> None:
        """Remove the images of ways."""
        for name in names:
            for layer in self.of(name):
                self._viewer.layers.remove(layer)
            self._shown.pop(name, None)
        if not self.names:
            self._end_grid()

    def arrange(self, arrangement: Arrangement) -> None:
        """Put the images beside each other in napari's grid, or over each other."""
        self._arrangement = arrangement
        if arrangement == "grid" and self.names:
            self._begin_grid()
        else:
            self._end_grid()
        self._show_names()
        for name in self.names:
            for layer in self.of(name):
                layer.visible = True

    def select(self, name: str) -> None:
        """Make the image of a way the active layer; where they lie over each other, show it."""
        chosen = self.of(name)
        if not chosen:
            return
        if self._arrangement == "stacked":
            for other in self.names:
                for layer in self.of(other):
                    layer.visible = other == name
        self._viewer.layers.selection.active = chosen[0]

    def release(self) -> None:
        """Give the viewer its grid back; the images stay."""
        self._end_grid()
        grid_of(self._viewer).events.enabled.disconnect(self._show_names)

    def _begin_grid(self) -> None:
        grid = grid_of(self._viewer)
        if self._grid_before is None:
            self._grid_before = (grid.enabled, grid.stride, tuple(grid.shape))
        grid.stride, grid.shape = 1, (-1, -1)
        grid.enabled = True

    def _end_grid(self) -> None:
        if self._grid_before is None:
            return
        grid, before = grid_of(self._viewer), self._grid_before
        grid.enabled, grid.stride, grid.shape = before
        self._grid_before = None

    def _show_names(self, event: Any = None) -> None:
        """Write the names of the images on them while they are in a grid, which has no titles."""
        is_grid = grid_of(self._viewer).enabled
        for layer in (layer for name in self.names for layer in self.of(name)):
            if hasattr(layer, "name_overlay"):  # of newer napari
                layer.name_overlay.visible = is_grid
