"""Keys of the fusion widget, while the canvas has the focus."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from napari_umis_fusion.plugin.fusion._comparison import Comparison
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.fusion._stack_choice import StackChoice
from napari_umis_fusion.plugin.viewer import entries_shown, go_to_plane

FUSE, COMPARE, NEXT_PLANE, PREVIOUS_PLANE = "Control-Shift-F", "T", ".", ","
"""Keys; those for planes are those of Fiji."""


class Shortcuts:
    """Binds keys of a viewer; keys that somebody else has bound stay theirs.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    actions : mapping of str to callable
        What each key does.
    """

    def __init__(self, viewer: Any, actions: Mapping[str, Callable[[], Any]]) -> None:
        self._viewer = viewer
        self._bound: dict[str, Any] = {}
        for key, action in actions.items():
            pressed = _without_viewer(action)
            try:
                viewer.bind_key(key, pressed)
            except ValueError:  # bound already
                continue
            self._bound[key] = pressed

    def release(self) -> None:
        """Free the keys that are still bound here."""
        for key, pressed in self._bound.items():
            if pressed in self._viewer.keymap.values():
                self._viewer.bind_key(key, None)
        self._bound.clear()


class FusionKeys(Shortcuts):
    """The keys of the fusion widget.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    stack : StackChoice
        The chosen stack.
    fused : FusedLayers
        The fusions so far.
    fuse : callable
        Starts a fusion.
    tell : callable
        Shows a sentence.
    """

    def __init__(
        self,
        viewer: Any,
        stack: StackChoice,
        fused: FusedLayers,
        fuse: Callable[[], Any],
        tell: Callable[[str], Any],
    ) -> None:
        self._stack, self._tell = stack, tell
        self._comparison = Comparison(viewer, fused)
        steps = {NEXT_PLANE: 1, PREVIOUS_PLANE: -1}
        step = {key: partial(self.step, by) for key, by in steps.items()}
        super().__init__(viewer, {FUSE: fuse, COMPARE: self.compare, **step})

    def compare(self) -> None:
        """Show the stack instead of the result, or the result again."""
        target = self._stack.target
        self._tell(self._comparison.toggle([] if target is None else target.layers))

    def step(self, by: int) -> None:
        """Show the plane that is `by` planes farther in the stack, up to its ends."""
        target = self._stack.target
        if target is not None and target.layers[0] in self._viewer.layers:
            layer, z = target.layers[0], target.axes.z
            plane = entries_shown(self._viewer, layer)[z] + by
            go_to_plane(self._viewer, layer, z, min(max(plane, 0), target.planes - 1))


def _without_viewer(action: Callable[[], Any]) -> Callable[[Any], None]:
    def pressed(viewer: Any) -> None:
        action()

    return pressed
