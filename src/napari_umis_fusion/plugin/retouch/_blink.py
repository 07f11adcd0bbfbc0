"""Look at the plane, the automatic and the retouched result in turn."""

from typing import Any

from napari.layers import Layer

from napari_umis_fusion.layers import PREVIEW_KEY
from napari_umis_fusion.plugin.retouch._session import RetouchSession

NAMES = {
    "retouched": "Retouched.",
    "automatic": "As decided, without overrides.",
    "plane": "The plane at the slider.",
}
"""What is shown, as a sentence; in the order in which they come."""

MAX_BYTES = 1 << 30
"""A copy of the automatic image of more bytes is not made."""


class Blink:
    """Shows one of three pictures of the same place.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    session : RetouchSession
        What is retouched.
    """

    def __init__(self, viewer: Any, session: RetouchSession) -> None:
        self._viewer, self._session = viewer, session
        self.shown = "retouched"
        self._automatic: list[Any] = []
        self._before: list[tuple[Any, bool]] = []

    def step(self) -> str:
        """Show the next picture; return what it is, as a sentence."""
        if self._session.retouched is None:
            return "There is nothing to compare yet."
        order = list(NAMES)
        following = order[(order.index(self.shown) + 1) % len(order)]
        selected = set(self._viewer.layers.selection)
        if following == "automatic" and not self._has_automatic():
            following = "plane"
        self.show(following)
        self._viewer.layers.selection = selected
        return NAMES[following]

    def show(self, what: str) -> None:
        """Show "retouched", "automatic" or "plane"."""
        if self.shown == "retouched":
            session = self._session
            seen = [session.layer, session.source, *session.result_layers()]
            self._before = [(layer, layer.visible) for layer in seen]
        for layer, was_visible in self._before:
            layer.visible = was_visible and what == "retouched"
        if what == "plane":
            self._session.source.visible = True
        for layer in self._automatic:
            layer.visible = what == "automatic"
        self.shown = what

    def release(self) -> None:
        """Show the retouched result, and forget the automatic one: another may come."""
        if self.shown != "retouched":
            self._before = [
                (layer, on) for layer, on in self._before if layer in self._viewer.layers
            ]
            for layer, was_visible in self._before:
                layer.visible = was_visible
        for layer in self._automatic:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._automatic, self._before, self.shown = [], [], "retouched"

    def _has_automatic(self) -> bool:
        """Add layers of the automatic image, once; whether there are any."""
        self._automatic = [one for one in self._automatic if one in self._viewer.layers]
        retouched, images = self._session.retouched, self._session.image_layers()
        if self._automatic or retouched is None:
            return bool(self._automatic)
        if sum(layer.data.nbytes for layer in images) > MAX_BYTES:
            return False
        for layer in images:
            (output,) = (one for one in retouched.outputs if one.array is layer.data)
            _, attributes, kind = layer.as_layer_data_tuple()
            about = {"name": f"as decided: {layer.name}", "metadata": {PREVIEW_KEY: True}}
            hidden = {**attributes, **about, "visible": False}
            added = Layer.create(retouched.automatic(output), hidden, kind)
            self._automatic.append(self._viewer.add_layer(added))
        return bool(self._automatic)
