"""Add the results of fusions to the viewer, and remember which layer came from which."""

import weakref
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from napari.layers import Layer

from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.plugin.viewer import PLACES

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_umis_fusion.layers import LayerFinished, OutputLayer


SHINING = ("additive", "minimum", "multiplicative")
"""Blendings of napari that show a layer together with those below it."""


@dataclass(eq=False)
class ShownFusion:
    """One fusion whose layers are in the viewer.

    Attributes
    ----------
    event : LayerFinished
        Config and maps; without the layers, which the viewer holds.
    sources : list of weak references
        Layers that were fused.
    layers : dict
        By kind and number: weak references to the layers, and the data assigned to them.
    """

    event: "LayerFinished"
    sources: list["weakref.ref[Any]"]
    layers: dict[tuple[str, int], tuple["weakref.ref[Any]", "NDArray[Any]"]] = field(
        default_factory=dict
    )

    def origin(self, layer: Any) -> "OutputLayer":
        """Return the source map that applies to a layer."""
        origins = self.event.origins
        sources = [reference() for reference in self.sources]
        number = sources.index(layer) if layer in sources else 0
        for (_, place), (reference, _) in self.layers.items():
            if reference() is layer:
                number = place
        return origins[min(number, len(origins) - 1)]


class FusedLayers:
    """Remembers which layers a widget has added, and the layers they were fused from.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the layers.
    """

    _known: ClassVar["weakref.WeakKeyDictionary[Any, FusedLayers]"] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: "ViewerModel") -> None:
        # Weakly, as it is kept for as long as the viewer.
        self._of = weakref.ref(viewer)
        self._all: list[ShownFusion] = []
        viewer.layers.events.removed.connect(self._forget)

    @classmethod
    def of(cls, viewer: "ViewerModel") -> "FusedLayers":
        """Return what is known of a viewer's layers: a panel that is opened again knows it, too."""
        known = cls._known.get(viewer)
        if known is None:
            known = cls._known[viewer] = cls(viewer)
        return known

    @property
    def _viewer(self) -> "ViewerModel":
        viewer = self._of()
        assert viewer is not None
        return viewer

    def iter_show(
        self,
        event: "LayerFinished",
        sources: Iterable[Any],
        *,
        shown: Sequence[str],
        update: bool,
    ) -> Generator[Any]:
        """Add layers one after the other, or replace those of the last fusion of the same sources.

        A layer is replaced only if it was added here, is still in the viewer, and still holds the
        array it was given. Its name and appearance stay.

        Parameters
        ----------
        event : LayerFinished
            The last event of the fusion.
        sources : iterable of Layer
            The layers that were fused.
        shown : sequence of str
            Kinds of output that become layers.
        update : bool
            Replace layers where possible; otherwise add them.

        Yields
        ------
        Layer
            A layer of this fusion. The caller can let the window process events in between.
        """
        # weak references only: the layers belong to the viewer and may be deleted
        kept = list(sources)
        last = self._latest_of(kept) if update else None
        fused = ShownFusion(replace(event, layers=[]), [weakref.ref(one) for one in kept])
        self._all.append(fused)
        numbers: dict[str, int] = {}
        for data, attributes, kind in event.layers:
            output = attributes["metadata"][RUN_KEY]["output"]
            number = numbers[output] = numbers.get(output, -1) + 1
            if output not in shown:
                continue
            layer = None
            if last is not None:
                layer = self._replaced(last, (output, number), data, attributes, kind)
            is_new = layer is None
            if layer is None:
                layer = Layer.create(data, attributes, kind)
            fused.layers[output, number] = (weakref.ref(layer), layer.data)
            if is_new:
                self._viewer.add_layer(layer)
            yield layer
        if last is not None and not last.layers:  # all replaced: free the memory of its maps
            self._all.remove(last)

    def hide_shining(self, sources: Iterable[Any]) -> list[Any]:
        """Hide sources that would shine through their result, and return those.

        A result looks like its source. Where that is shown as a sum with what lies below, such as
        channels of fluorescence, the unfused planes would be added to the result.
        """
        shining = [
            layer
            for layer in sources
            if layer.visible and layer in self._viewer.layers and layer.blending in SHINING
        ]
        for layer in shining:
            layer.visible = False
        return shining

    def fused_by(self, layer: Any) -> ShownFusion | None:
        """Return the latest fusion that produced this layer, or used it as a source."""
        for fused in reversed(self._all):
            shown = [reference() for reference, _ in fused.layers.values()]
            if any(one is layer for one in shown if one is not None):
                return fused
        for fused in reversed(self._all):
            if any(reference() is layer for reference in fused.sources):
                return fused
        return None

    def sources_of(self, layer: Any) -> list[Any]:
        """Return the remaining sources of a fused layer, or the layer itself."""
        fused = self.fused_by(layer)
        alive = [] if fused is None else [reference() for reference in fused.sources]
        return [one for one in alive if one in self._viewer.layers] or [layer]

    def _forget(self, event: Any = None) -> None:
        """Drop fusions without remaining layers, because they keep their stacks in memory."""
        viewer = self._of()
        there = [] if viewer is None else list(viewer.layers)
        self._all = [
            fused
            for fused in self._all
            if any(reference() in there for reference, _ in fused.layers.values())
            and all(reference() in there for reference in fused.sources)
        ]

    def _latest_of(self, sources: list[Any]) -> ShownFusion | None:
        for fused in reversed(self._all):
            if [reference() for reference in fused.sources] == sources:
                return fused
        return None

    def _replaced(
        self,
        last: ShownFusion,
        key: tuple[str, int],
        data: Any,
        attributes: dict[str, Any],
        kind: str,
    ) -> Any | None:
        reference, put = last.layers.get(key, (None, None))
        layer = reference() if reference is not None else None
        if layer is None or layer not in self._viewer.layers or layer.data is not put:
            return None
        if layer._type_string != kind or layer.ndim != len(attributes["scale"]):
            return None
        layer.data = data
        # a cropped or aligned result may have moved
        for name in PLACES:
            setattr(layer, name, attributes[name])
        layer.metadata = {**layer.metadata, **attributes["metadata"]}
        del last.layers[key]
        return layer
