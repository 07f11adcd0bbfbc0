"""Sub-stacks: a few planes around the plane in focus, which follow it over time."""

import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files import FILE_KEY, RUN_KEY, LayerData, LayerImage
from napari_umis_fusion.layers._focus_track import FocusTrack
from napari_umis_fusion.layers._fuse import layer_images
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.layers._substack_choice import (
    PlaneChoice,
    Position,
    iter_planes_in_focus,
)
from napari_umis_fusion.layers._substack_config import SubstackConfig
from napari_umis_fusion.runtime import Progress, ScratchMemory, repeat_event, run_to_end

SUBSTACK_KEY = "umis_fusion_substack"
"""Metadata of a layer that is a sub-stack: which planes it shows of which layer."""

MEMORY_MB = 4096
"""Memory of the layers that are made; what is beyond it is kept in a temporary file."""


@dataclass(frozen=True, slots=True, eq=False)
class Substacks:
    """Sub-stacks of a layer, and how they were chosen.

    Attributes
    ----------
    layers : list of (array, dict, "image")
        One for each layer that was given, of the same axes, with fewer planes; values as recorded.
    tracks : dict of tuple to FocusTrack
        The plane in focus over time at each position, by its entries on the looped axes but time.
    first_planes : dict of tuple to list of int
        The first plane of the sub-stack at each time point, by position.
    notes : tuple of str
        Information for the user.
    """

    layers: list[LayerData]
    tracks: dict[Position, FocusTrack]
    first_planes: dict[Position, list[int]]
    notes: tuple[str, ...] = ()


def substack_layer(
    layer: Any,
    config: SubstackConfig | None = None,
    *,
    z_axis: int | str | None = None,
    channel_axis: int | str | None = None,
    channel: ChannelRule | int = "auto",
    **options: Any,
) -> Substacks:
    """Take a few planes around the plane in focus of each stack, followed over time.

    The plane in focus is the one that shows most detail. Over the axis of time, a smooth way leads
    through these planes, so that the sub-stack does not jump; each position has its own.

    Parameters
    ----------
    layer : napari.layers.Image, (data, attributes) tuple, or list of these
        As `fuse_layer` takes it. Several are channels of one specimen, and share their planes.
    config : SubstackConfig, optional
        How many planes, and how they follow.
    z_axis, channel_axis : int or str, optional
        Index or name of an axis; by default found by name.
    channel : int or str
        Channel, or rule, on which the plane in focus is found.
    **options
        Fields of `SubstackConfig` that replace those of `config`.

    Returns
    -------
    Substacks
        Layers with the axes, dtype, scale and look of those given. Their place along z is that of
        the median time point; ``metadata["umis_fusion_substack"]`` names the planes of all.

    Raises
    ------
    StackError
        If it is no image layer, its z axis is uncertain, or nothing shows any detail.
    ConfigError
        If an option is not accepted, or more planes are asked for than there are.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_umis_fusion.layers import substack_layer
    >>> movie = np.random.default_rng(0).integers(0, 255, (3, 9, 32, 40), np.uint8)
    >>> found = substack_layer((movie, {"axis_labels": ("t", "z", "y", "x")}), around=1)
    >>> found.layers[0][0].shape
    (3, 3, 32, 40)
    """
    axes = {"z_axis": z_axis, "channel_axis": channel_axis}
    return run_to_end(iter_substack_layer(layer, config, **axes, channel=channel, **options))


def iter_substack_layer(
    layer: Any,
    config: SubstackConfig | None = None,
    *,
    z_axis: int | str | None = None,
    channel_axis: int | str | None = None,
    channel: ChannelRule | int = "auto",
    **options: Any,
) -> Generator[Progress, None, Substacks]:
    """Take sub-stacks as a generator of events.

    Takes the parameters of `substack_layer`. The layer is checked at the first event.

    Yields
    ------
    Progress
        Planes that were measured, at least every 100 ms; it can be closed at any of them.

    Returns
    -------
    Substacks
    """
    config = (config or SubstackConfig()).replace(**options)
    stacks = LayerStacks(layer_images(layer), LayerPlan(z_axis=z_axis, channel_axis=channel_axis))
    planes = len(stacks.span.planes)
    if 2 * config.around + 1 > planes:
        raise ConfigError(
            f"around={config.around} takes {2 * config.around + 1} planes; the stack has {planes}, "
            f"so that accepted are 0 to {(planes - 1) // 2}."
        )
    stacks.check_decision(channel)
    measured = yield from iter_planes_in_focus(stacks, channel)
    chosen = PlaneChoice.of(stacks, measured, config)
    copying = _iter_copy(stacks, chosen, config)
    done = Progress("measuring", planes * len(measured), planes * len(measured))
    layers = yield from repeat_event(copying, done)
    return Substacks(layers, chosen.tracks, chosen.first_planes, tuple(chosen.notes))


def _iter_copy(
    stacks: LayerStacks, chosen: PlaneChoice, config: SubstackConfig
) -> Generator[None, None, list[LayerData]]:
    """Copy the chosen planes of all layers, one stack at a time."""
    count, layers = 2 * config.around + 1, []
    with ScratchMemory(MEMORY_MB) as memory:
        for image in stacks.images:
            shape = list(image.data.shape)
            shape[stacks.axes.z] = count
            # Values as recorded, also of dtypes that a fusion would narrow.
            array = memory.lasting(tuple(shape), image.data.dtype)
            for target, source in _parts(stacks, image, chosen, count):
                array[target] = np.asarray(image.data[source])
                yield
            layers.append((array, _attributes(stacks, image, chosen, config), "image"))
    return layers


def _parts(
    stacks: LayerStacks, image: LayerImage, chosen: PlaneChoice, count: int
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Yield where each stack is copied to, and from."""
    axes = range(len(image.shape))
    outer = stacks.axes.outer
    entries: Sequence[range] = [range(image.shape[axis]) for axis in outer]
    for entry in itertools.product(*entries):
        place = dict(zip(outer, entry, strict=True))
        first = chosen.firsts[stacks.specimen(place)]
        target = tuple(place.get(axis, slice(None)) for axis in axes)
        planes = slice(first, first + count)
        source = tuple(
            planes if axis == stacks.axes.z else place.get(axis, slice(None)) for axis in axes
        )
        yield target, source


def _attributes(
    stacks: LayerStacks, image: LayerImage, chosen: PlaneChoice, config: SubstackConfig
) -> dict[str, Any]:
    """Return the attributes of the layer of a sub-stack."""
    z = stacks.axes.z
    offset = np.zeros(len(image.shape))
    offset[z] = np.median(list(chosen.firsts.values()))
    kept = range(len(image.shape))
    place = image.placement.part(kept, offset, np.ones(len(image.shape)))
    # What tells of a file, or of a fusion, would tell of all planes.
    metadata = {k: v for k, v in image.metadata.items() if k not in (FILE_KEY, RUN_KEY)}
    axes = [axis for axis in stacks.loops if axis != stacks.axes.channel]
    metadata[SUBSTACK_KEY] = {
        **config.as_dict(),
        "layer": {"name": image.name, "path": image.path, "shape": list(image.shape)},
        "axes": [image.axis_labels[axis] for axis in axes],
        "first_planes": [[*map(int, one), first] for one, first in chosen.firsts.items()],
    }
    return {
        **image.look,
        **place.attributes(),
        "name": f"{image.name} sub-stack",
        "rgb": image.rgb,
        "axis_labels": tuple(image.axis_labels[axis] or f"axis {axis}" for axis in kept),
        "units": image.units,
        "metadata": metadata,
    }
