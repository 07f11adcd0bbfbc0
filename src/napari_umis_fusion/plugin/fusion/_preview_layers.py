"""The layers of a preview: one for each channel, over the stack."""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from napari.layers import Layer

from napari_umis_fusion.files import LayerData
from napari_umis_fusion.layers import PREVIEW_KEY
from napari_umis_fusion.plugin.fusion._fused_layers import SHINING
from napari_umis_fusion.plugin.viewer import PLACES, frame

NAME = "preview of {}"


class PreviewLayers:
    """Shows the layers of a preview in a viewer, and leaves selection and stack as they are.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        # weak: a preview that the user deletes must not stay in memory
        self._shown: list[weakref.ref[Any]] = []

    @property
    def layers(self) -> list[Any]:
        """The layers that are in the viewer."""
        found = [reference() for reference in self._shown]
        return [layer for layer in found if layer in self._viewer.layers]

    def show(self, made: Sequence[LayerData], names: Sequence[str], name: str = NAME) -> None:
        """Show these layers instead of the previous ones.

        The lowest one covers the stack: blended with it, planes out of focus would be added. The
        others are blended with the lowest, as the channels of the stack are.

        Parameters
        ----------
        made : sequence of (array, attributes, kind)
            All-in-focus image of each channel.
        names : sequence of str
            Names of the layers that are previewed.
        name : str
            Name of each layer, with a gap for that of the previewed one.
        """
        described = []
        for number, (data, attributes, kind) in enumerate(made):
            own = {"name": name.format(names[number]), "metadata": {PREVIEW_KEY: names[number]}}
            if number == 0 and attributes["blending"] in SHINING:
                own["blending"] = "translucent"
            described.append((data, {**attributes, **own}, kind))
        if not self._update(described):
            self._replace(described)

    def _update(self, made: Sequence[LayerData]) -> bool:
        """Put data of the same shape into the layers; new ones would take several times as long."""
        layers = self.layers
        if [_form_of(layer.data, layer.metadata) for layer in layers] != [
            _form_of(data, attributes["metadata"]) for data, attributes, _ in made
        ]:
            return False
        for layer, (data, attributes, _) in zip(layers, made, strict=True):
            for name in (*PLACES, "name"):
                setattr(layer, name, attributes[name])
            layer.data = data
        return True

    def _replace(self, made: Sequence[LayerData]) -> None:
        # adding a layer changes selection and active layer, and with them the stack to fuse
        selected = set(self._viewer.layers.selection)
        active = self._viewer.layers.selection.active
        self.remove()
        for number, one in enumerate(made):
            layer = Layer.create(*one)
            self._shown.append(weakref.ref(layer))
            self._viewer.add_layer(layer)
            if number == 0:
                frame(layer)
        self._viewer.layers.selection = selected & set(self._viewer.layers)
        if active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def remove(self) -> None:
        """Remove all layers of the preview."""
        for layer in self.layers:
            self._viewer.layers.remove(layer)
        self._shown = []


def _form_of(data: Any, metadata: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two layers must share for one to show the data of the other."""
    return data.shape, data.dtype, metadata[PREVIEW_KEY]
