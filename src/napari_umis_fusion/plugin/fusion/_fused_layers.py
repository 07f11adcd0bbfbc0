"""Add the results of fusions to the viewer, and remember which layer came from which."""

import weakref
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from napari.layers import Layer
from napari.utils.events import EmitterGroup

from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import difference_tag
from napari_umis_fusion.plugin.fusion._fusion_change import FusionChange, LayerState
from napari_umis_fusion.plugin.fusion._shown_fusion import LastFusion, ShownFusion, ShownLayer
from napari_umis_fusion.runtime import count_noun

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_umis_fusion.layers import LayerFinished


SHINING = ("additive", "minimum", "multiplicative")
"""Blendings of napari that show a layer together with those below it."""


class FusedLayers:
    """Remembers which layers a widget has added, and the layers they were fused from.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the layers.

    Attributes
    ----------
    events : EmitterGroup
        ``changed`` after a fusion was shown, undone or redone; ``retouched`` after planes were
        chosen by hand in one.
    """

    _known: ClassVar["weakref.WeakKeyDictionary[Any, FusedLayers]"] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: "ViewerModel") -> None:
        # Weakly, as it is kept for as long as the viewer.
        self._of = weakref.ref(viewer)
        self._all: list[ShownFusion] = []
        self._last: LastFusion | None = None
        self._is_showing = False
        self.events = EmitterGroup(source=self, changed=None, retouched=None)
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

        A layer is replaced only if it was added here, is still in the viewer, still holds the
        array it was given, and shows the same part: a region never replaces the whole. Its
        appearance stays, and a name that the user gave it.

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
        outputs = tuple(one for one in event.outputs if one.kind in shown)
        told = replace(event, layers=[], outputs=outputs)
        fused = ShownFusion(told, [weakref.ref(one) for one in kept])
        last = self._latest_of(kept, fused.part) if update else None
        replaced = dict(last.layers) if last is not None else {}
        change = FusionChange(self._viewer)
        # the layers before are kept until the next fusion, for undo
        self._last, self._is_showing = LastFusion(change, fused, last), True
        self._all.append(fused)
        numbers: dict[str, int] = {}
        try:
            for data, attributes, kind in event.layers:
                output = attributes["metadata"][RUN_KEY]["output"]
                number = numbers[output] = numbers.get(output, -1) + 1
                if output not in shown:
                    continue
                before = replaced.get((output, number))
                layer = self._put(before, (data, attributes, kind), change)
                fused.layers[output, number] = ShownLayer(
                    weakref.ref(layer), layer.data, layer.name
                )
                if last is not None and before is not None and before.layer() is layer:
                    del last.layers[output, number]
                yield layer
        finally:
            self._is_showing = False
            if last is not None and not last.layers:
                self._all.remove(last)
            self.events.changed()

    @property
    def can_undo(self) -> bool:
        """Whether there is a fusion to undo."""
        return self._last is not None and not (self._is_showing or self._last.change.is_undone)

    @property
    def can_redo(self) -> bool:
        """Whether the last fusion was undone, and nothing was fused since."""
        return self._last is not None and not self._is_showing and self._last.change.is_undone

    def undo(self) -> str:
        """Undo the last fusion; return what happened, as a sentence."""
        if self._last is None or not self.can_undo:
            return "There is no fusion to undo."
        left = self._last.change.undo()
        self._exchange(self._last.fused, self._last.before)
        return f"The last fusion was undone.{_left_alone(left)}"

    def redo(self) -> str:
        """Redo the fusion that was undone; return what happened, as a sentence."""
        if self._last is None or not self.can_redo:
            return "There is no fusion to redo."
        left = self._last.change.redo()
        self._exchange(self._last.before, self._last.fused)
        return f"The last fusion is shown again.{_left_alone(left)}"

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
        if self._last is not None:
            self._last.change.hide(shining)
        return shining

    def fused_by(self, layer: Any) -> ShownFusion | None:
        """Return the latest fusion that produced this layer, or used it as a source."""
        for fused in reversed(self._all):
            shown = [one.layer() for one in fused.layers.values()]
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
        before = len(self._all)
        self._all = [
            fused
            for fused in self._all
            if any(one.layer() in there for one in fused.layers.values())
            and all(reference() in there for reference in fused.sources)
        ]
        if self._last is not None and not self._is_showing and not self._last.forget(there):
            self._last = None
        if len(self._all) < before:
            self.events.changed()

    def _latest_of(self, sources: list[Any], part: Any) -> ShownFusion | None:
        for fused in reversed(self._all):
            if [one() for one in fused.sources] == sources and fused.part == part:
                return fused
        return None

    def _exchange(self, old: ShownFusion | None, new: ShownFusion | None) -> None:
        """Let clicks on layers lead to the maps of another fusion."""
        self._all = [fused for fused in self._all if fused not in (old, new)]
        if new is not None:
            self._all.append(new)
        self._forget()
        self.events.changed()

    def _put(
        self, before: ShownLayer | None, made: tuple[Any, dict[str, Any], str], change: FusionChange
    ) -> Any:
        """Replace a layer if that is allowed, or add one; return it."""
        data, attributes, kind = made
        layer = None if before is None else before.layer()
        replaceable = (
            before is not None
            and layer is not None
            and layer in self._viewer.layers
            and layer.data is before.data
            and layer._type_string == kind
            and layer.ndim == len(attributes["scale"])
        )
        if before is None or layer is None or not replaceable:
            layer = Layer.create(data, {**attributes, "name": self._name(attributes)}, kind)
            self._viewer.add_layer(layer)
            change.add(layer)
            return layer
        state = LayerState.of(layer)
        name = self._name(attributes, layer) if layer.name == before.name else layer.name
        places = {name: attributes[name] for name in state.places}
        LayerState(data, name, {**layer.metadata, **attributes["metadata"]}, places).restore(layer)
        change.replace(layer, state)
        return layer

    def _name(self, attributes: dict[str, Any], layer: Any = None) -> str:
        """Return a name that says what is different from a result of the plain name."""
        name = str(attributes["name"])
        same = [one for one in self._viewer.layers if one.name == name and one is not layer]
        tag = difference_tag(attributes["metadata"], same[0].metadata) if same else ""
        return f"{tag}{name}"


def _left_alone(layers: int) -> str:
    if not layers:
        return ""
    what = f"{count_noun(layers, 'layer')} {'was' if layers == 1 else 'were'}"
    return f" {what} removed or changed since, and left alone."
