"""What one fusion changed in the viewer, so that it can be undone and redone."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from napari_umis_fusion.plugin.viewer import PLACES

if TYPE_CHECKING:
    from napari.components import ViewerModel


@dataclass(frozen=True, eq=False)
class LayerState:
    """What a fusion changes of a layer that it replaces."""

    data: Any
    name: str
    metadata: dict[str, Any]
    places: dict[str, Any]

    @classmethod
    def of(cls, layer: Any) -> Self:
        """Return the state of a layer; data are not copied."""
        places = {name: getattr(layer, name) for name in PLACES}
        return cls(layer.data, layer.name, dict(layer.metadata), places)

    def restore(self, layer: Any) -> None:
        """Give a layer this state; its appearance stays."""
        layer.data = self.data
        # A cropped or aligned result may have moved.
        for name, value in self.places.items():
            setattr(layer, name, value)
        layer.name, layer.metadata = self.name, self.metadata


@dataclass(eq=False)
class _Added:
    """A layer that was added; while it is undone, this keeps it."""

    layer: "weakref.ref[Any]"
    data: Any
    kept: Any = None
    place: int = 0

    def undo(self, viewer: "ViewerModel") -> bool:
        layer = self.layer()
        if layer is None or layer not in viewer.layers or layer.data is not self.data:
            return False
        self.kept, self.place = layer, viewer.layers.index(layer)
        viewer.layers.remove(layer)
        return True

    def redo(self, viewer: "ViewerModel") -> bool:
        if self.kept is None:
            return False
        viewer.layers.insert(min(self.place, len(viewer.layers)), self.kept)
        self.kept = None
        return True


@dataclass(eq=False)
class _Replaced:
    """A layer whose data were replaced, and its state on the other side of undo."""

    layer: "weakref.ref[Any]"
    data: Any
    other: LayerState

    def undo(self, viewer: "ViewerModel") -> bool:
        layer = self.layer()
        # Data that the user has put in since then are never replaced.
        if layer is None or layer not in viewer.layers or layer.data is not self.data:
            return False
        now = LayerState.of(layer)
        self.other.restore(layer)
        self.data, self.other = layer.data, now
        return True

    redo = undo


class FusionChange:
    """What one fusion changed in a viewer.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.

    Attributes
    ----------
    is_undone : bool
        Whether it is undone at present.
    """

    def __init__(self, viewer: "ViewerModel") -> None:
        self._viewer = weakref.ref(viewer)
        self._layers: list[_Added | _Replaced] = []
        self._hidden: list[weakref.ref[Any]] = []
        self.is_undone = False

    def add(self, layer: Any) -> None:
        """Remember a layer that was added."""
        self._layers.append(_Added(weakref.ref(layer), layer.data))

    def replace(self, layer: Any, before: LayerState) -> None:
        """Remember a layer that was replaced, and its state before."""
        self._layers.append(_Replaced(weakref.ref(layer), layer.data, before))

    def hide(self, layers: list[Any]) -> None:
        """Remember layers that were hidden."""
        self._hidden += [weakref.ref(layer) for layer in layers]

    def undo(self) -> int:
        """Restore what was there before; return the number of layers that could not be.

        These are layers that were removed since, or hold other data.
        """
        self.is_undone = True
        # The last one first, so that the places in the list of layers are right.
        return self._each(reversed(self._layers), lambda one, viewer: one.undo(viewer), True)

    def redo(self) -> int:
        """Restore the fusion; return the number of layers that could not be."""
        self.is_undone = False
        return self._each(iter(self._layers), lambda one, viewer: one.redo(viewer), False)

    def _each(
        self, layers: Any, act: Callable[[Any, "ViewerModel"], bool], shows_sources: bool
    ) -> int:
        viewer = self._viewer()
        if viewer is None:
            return len(self._layers)
        failed = sum(not act(one, viewer) for one in layers)
        for reference in self._hidden:
            layer = reference()
            if layer is not None and layer in viewer.layers:
                layer.visible = shows_sources
        return failed
