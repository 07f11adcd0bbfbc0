"""Look at the stack instead of its result, and back."""

import weakref
from typing import Any

from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers


class Comparison:
    """Toggles which of the two is visible: the layers of a fusion, or the stack they came from.

    Parameters
    ----------
    viewer : napari viewer
        Its active layer says which fusion is meant.
    fused : FusedLayers
        The fusions so far.
    """

    def __init__(self, viewer: Any, fused: FusedLayers) -> None:
        self._viewer, self._fused = viewer, fused
        # weak: layers that the user deletes must not stay in memory
        self._before: list[tuple[weakref.ref[Any], bool]] = []

    def toggle(self, sources: list[Any]) -> str:
        """Show the other of the two; return what is shown, as a sentence.

        Parameters
        ----------
        sources : list of Layer
            The chosen stack.
        """
        fused = self._fused.fused_by(sources[0]) if sources else None
        if fused is None:
            return "There is no result to compare with yet. Press Fuse first."
        made = [one.layer() for one in fused.layers.values()]
        results = [layer for layer in made if layer is not None and layer in self._viewer.layers]
        stacks = [layer for layer in sources if layer in self._viewer.layers]
        if any(layer.visible for layer in results):
            self._before = [(weakref.ref(one), one.visible) for one in (*results, *stacks)]
            for layer in results:
                layer.visible = False
            for layer in stacks:
                layer.visible = True
            self._viewer.layers.selection = set(stacks)
            return "The stack is shown. The same key shows the result."
        self._show_results(results, stacks)
        return "The result is shown. The same key shows the stack."

    def _show_results(self, results: list[Any], stacks: list[Any]) -> None:
        """Show what was visible before; the image, if nothing was."""
        before = {layer: shown for reference, shown in self._before if (layer := reference())}
        if not any(before.get(layer) for layer in results):
            for layer in results[:1]:
                layer.visible = True
            self._fused.hide_shining(stacks)
        for layer, shown in before.items():
            if layer in results or layer in stacks:
                layer.visible = shown
        shown_first = [layer for layer in results if layer.visible]
        if shown_first:
            self._viewer.layers.selection.active = shown_first[0]
