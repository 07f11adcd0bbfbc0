"""The stacks of a viewer that can be fused: single layers, and channels that belong together."""

from collections.abc import Sequence
from typing import Any

from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.plugin.fusion._channel_names import differ_by_channel
from napari_umis_fusion.plugin.viewer import is_image, target_in


def may_be_stack(layer: Any) -> bool:
    """Return whether a layer has planes, or an axis that may be chosen for them."""
    if not is_image(layer):
        return False
    if target_in(layer) is not None:
        return True
    # of results only an aligned stack has planes: their other axes are time, channels and the like
    return RUN_KEY not in layer.metadata and _has_further_axis(layer)


def stacks_in(viewer: Any) -> list[list[Any]]:
    """Return what can be fused, topmost first: all channels of a stack before each of them.

    Parameters
    ----------
    viewer : napari viewer
        Its layers are looked at, hidden ones, too.

    Returns
    -------
    list of list of Layer
        Layers to fuse together.
    """
    found: list[list[Any]] = []
    for run in reversed(_runs(list(viewer.layers))):
        if len(run) > 1:
            found.append(run)
        found += [[layer] for layer in reversed(run)]
    return found


def channels_of(layer: Any, viewer: Any) -> list[Any]:
    """Return a layer and those that show other channels of the same stack."""
    return next(run for run in stacks_in(viewer) if layer in run)


def likely_channels(layers: Sequence[Any], viewer: Any) -> list[Any]:
    """Return a single layer with those that look like its other channels; nothing if it has none.

    Channels have one place, shape and dtype, and are shown as a sum of colours, or have names that
    say so. Their content says nothing: it differs between channels.
    """
    if len(layers) != 1 or layers[0] not in viewer.layers or layers[0].rgb:
        return []
    (layer,) = layers
    if not may_be_stack(layer):
        return []
    run = channels_of(layer, viewer)
    if len(run) > 1:
        return run
    named = [
        other
        for other in viewer.layers
        if other is layer
        or (
            may_be_stack(other)
            and _place_of(other) == _place_of(layer)
            and differ_by_channel(other.name, layer.name)
        )
    ]
    return named if len(named) > 1 else []


def topmost_visible(viewer: Any) -> list[Any]:
    """Return the topmost visible stack whose planes are known, with its channels; or nothing."""
    for layers in stacks_in(viewer):
        if all(layer.visible and target_in(layer) is not None for layer in layers):
            return layers
    return []


def name_of(layers: Sequence[Any]) -> str:
    """Return the name of a choice."""
    names = ", ".join(layer.name for layer in layers)
    return names if len(layers) == 1 else f"{len(layers)} channels: {names}"


def _runs(layers: list[Any]) -> list[list[Any]]:
    """Return neighbouring layers that are channels of one stack, from bottom to top.

    napari keeps no record of what was opened together. Channels are added next to each other, with
    one place and shape, and shown as a sum of different colours.
    """
    runs: list[list[Any]] = []
    last = None
    for layer in layers:
        is_stack = may_be_stack(layer)
        if is_stack:
            if last is not None and _is_another_channel(layer, runs[-1]):
                runs[-1].append(layer)
            else:
                runs.append([layer])
        last = layer if is_stack else None
    return runs


def _is_another_channel(layer: Any, run: list[Any]) -> bool:
    return _signature(layer) == _signature(run[0]) and all(
        layer.colormap.name != one.colormap.name for one in run
    )


def _signature(layer: Any) -> Any:
    if layer.rgb or layer.blending not in ("additive", "minimum", "multiplicative"):
        return id(layer)
    return layer.blending, str(layer.source.path), *_place_of(layer)


def _place_of(layer: Any) -> Any:
    """Return shape, dtype and placement, which channels of one stack share."""
    data = layer.data[0] if layer.multiscale else layer.data
    place = layer.extent.world, layer.scale, layer.axis_labels, layer.units
    return layer.rgb, data.shape, data.dtype, str(place)


def _has_further_axis(layer: Any) -> bool:
    shape = (layer.data[0] if layer.multiscale else layer.data).shape
    return len(shape) - bool(layer.rgb) > 2
