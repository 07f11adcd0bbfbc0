"""Layers that are channels of one image: one OME image instead of several."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_umis_fusion.files._layer_attributes import FILE_KEY, RUN_KEY
from napari_umis_fusion.files._layer_image import LayerImage
from napari_umis_fusion.files._layer_record import RECORDS_KEY, SOURCE_KEY
from napari_umis_fusion.files.write._about import as_text
from napari_umis_fusion.files.write._writable_layer import WritableLayer
from napari_umis_fusion.stack import MAX_CHANNELS, Plane

if TYPE_CHECKING:
    from pathlib import Path

_WHITE = -1
"""White, as OME packs it."""


class ChannelGroup:
    """Layers of one shape that are written as the channels of one image.

    Parameters
    ----------
    layers : sequence of WritableLayer
        At least two, without colour and channels of their own.
    """

    rgb = False

    def __init__(self, layers: Sequence[WritableLayer]) -> None:
        self.layers, first = tuple(layers), layers[0]
        self.dtype = first.dtype
        self.axes, self.shape = f"C{first.axes}", (len(layers), *first.shape)
        self.sources: tuple[Path, ...] = tuple(
            dict.fromkeys(source for layer in layers for source in layer.sources)
        )
        self.name, names = _names([layer.name for layer in layers])
        channels = [layer.metadata.get("Channel", {}).get("Color") for layer in layers]
        colours = [_WHITE if colour is None else colour for colour in channels]
        told = json.loads(first.metadata["Description"])
        told[RECORDS_KEY] = [layer.record for layer in layers]
        self.metadata = {
            **first.metadata,
            "Name": as_text(self.name),
            "Channel": {"Name": [as_text(name) for name in names], "Color": colours},
            "Description": json.dumps(told, default=str),
        }

    def planes(self, dtype: np.dtype[Any] | None = None) -> Iterator[Plane]:
        """Yield the planes of each layer in turn; each is read only then."""
        return chain.from_iterable(layer.planes(dtype) for layer in self.layers)


Writable = WritableLayer | ChannelGroup
"""What becomes one image of a file."""


def as_images(layers: Sequence[WritableLayer]) -> list[Writable]:
    """Group layers that are channels of one image; other layers stay by themselves.

    These are results of one fusion of several layers, and layers that were the channels of one
    image in a file. A group stands where its first layer stood.
    """
    groups: dict[tuple[Any, ...], list[WritableLayer]] = {}
    for number, layer in enumerate(layers):
        key, channel = _family(layer)
        full = key is None or any(_family(one)[1] == channel for one in groups.get(key, ()))
        full = full or len(groups.get(key or (), ())) >= MAX_CHANNELS
        groups.setdefault((number,) if full or key is None else key, []).append(layer)
    return [one[0] if len(one) == 1 else ChannelGroup(one) for one in groups.values()]


def _family(layer: WritableLayer) -> tuple[tuple[Any, ...] | None, Any]:
    """Return what the channels of one image have in common, and which channel this is."""
    image = layer.image
    if image.rgb or layer.kind != "image" or "C" in layer.letters:
        return None, None
    told = _fusion(image) or _file(image)
    if told is None:
        return None, None
    common, channel = told
    place = [image.placement.attributes()[name].tolist() for name in ("scale", "translate")]
    shape = (layer.shape, layer.letters, image.dtype.name, image.axis_labels, image.units)
    return (*common, *shape, json.dumps(place)), channel


def _fusion(image: LayerImage) -> tuple[tuple[str, str], str] | None:
    run = image.metadata.get(RUN_KEY)
    if not isinstance(run, Mapping) or not isinstance(run.get("channels"), list):
        return None
    source = run.get(SOURCE_KEY)
    name = source.get("name") if isinstance(source, Mapping) else None
    common = {key: value for key, value in run.items() if key != SOURCE_KEY}
    return ("fusion", json.dumps(common, sort_keys=True, default=str)), str(name)


def _file(image: LayerImage) -> tuple[tuple[str, str], Any] | None:
    origin = image.metadata.get(FILE_KEY)
    if RUN_KEY in image.metadata or not isinstance(origin, Mapping):
        return None
    index = origin.get("index")
    if not isinstance(index, Mapping) or set(index) != {"C"}:
        return None
    return ("file", json.dumps([origin.get("path"), origin.get("series")])), index["C"]


def _names(names: list[str]) -> tuple[str, list[str]]:
    """Return the words that the names share, and what is left of each as names of channels."""
    words = [name.split() for name in names]
    start = _shared(words)
    end = _shared([list(reversed(one[start:])) for one in words])
    if start and all("".join(one[start : len(one) - end]).isdigit() for one in words):
        start -= 1  # a number alone is no name: "channel 1" is
    parts = [" ".join(one[start : len(one) - end]) for one in words]
    shared = " ".join([*words[0][:start], *words[0][len(words[0]) - end :]])
    # Names of channels are all there, or those of the layers.
    return (shared, parts) if shared and all(parts) else (names[0], names)


def _shared(words: list[list[str]]) -> int:
    """Return how many words all lists begin with."""
    alike = [len(set(column)) == 1 for column in zip(*words, strict=False)]
    return alike.index(False) if False in alike else len(alike)
