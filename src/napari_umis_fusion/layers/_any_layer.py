"""Layers of several kinds, or layer data of them, without napari."""

from typing import Any

from napari_umis_fusion.files import LayerData, LayerImage, layer_image

NotedLayer = tuple[LayerData, tuple[str, ...]]
"""Layer data, and notes for the user."""


def any_image(layer: Any) -> LayerImage:
    """Return an image or labels layer, or layer data of one, as `LayerImage`."""
    if isinstance(layer, LayerImage):
        return layer
    if isinstance(layer, (tuple, list)):
        return LayerImage.of(*layer[:2])
    if kind_of_layer(layer) != "labels":
        return layer_image(layer)
    return LayerImage.of(layer.data, attributes_of(layer))


def attributes_of(layer: Any) -> dict[str, Any]:
    """Return the attributes of a layer, or of layer data."""
    made = layer if isinstance(layer, (tuple, list)) else layer.as_layer_data_tuple()
    return dict(made[1])


def kind_of_layer(layer: Any) -> str:
    """Return "image", "labels", "points" or another kind of a layer, or of layer data."""
    if isinstance(layer, (tuple, list)):
        return str(layer[2]) if len(layer) > 2 else "image"
    return str(getattr(layer, "_type_string", "image"))
