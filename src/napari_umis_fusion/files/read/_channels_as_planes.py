"""Planes of a z-stack that were saved as channels, which some programs do."""

import re
from collections.abc import Sequence

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import FILE_KEY, LayerData
from napari_umis_fusion.files.read._lazy_arrays import stack_arrays

_MOST_DYES = 4
"""More channels than this are rarely dyes, unless spectra were recorded."""

_COUNTS_Z = re.compile(r"\bz\s*[=:_-]?\s*[-+]?\d+([.,]\d+)?(\s*[nµu]m)?$", re.IGNORECASE)
_LOOKS = ("colormap", "blending", "contrast_limits")


def may_be_planes(layers: Sequence[LayerData]) -> bool:
    """Whether the channels of a file may be the planes of a stack: it has no other axis.

    Parameters
    ----------
    layers : sequence of (array, attributes, kind)
        The layers of one file.

    Returns
    -------
    bool
        True for channels that are named after z, and for more channels than dyes.
    """
    if not _are_channels(layers):
        return False
    if len(layers) == 1:
        return int(layers[0][0].shape[0]) > _MOST_DYES
    names = [str(attributes["name"]) for _, attributes, _ in layers]
    return len(layers) > _MOST_DYES or all(map(_COUNTS_Z.search, names))


def channels_as_planes(layers: Sequence[LayerData], name: str) -> LayerData:
    """Return the channels of a file as one layer, with their axis as z.

    Raises
    ------
    StackFileError
        If the file has other axes besides its channels, or no channels.
    """
    if not _are_channels(layers):
        axes = ", ".join(layers[0][1]["axis_labels"])
        raise StackFileError(
            f"{name}: its channels cannot be planes; accepted are files of two or more channels "
            f"without another axis, and its layers have the axes {axes}. Leave z_axis out."
        )
    first = layers[0][1]
    array = layers[0][0] if len(layers) == 1 else stack_arrays([one for one, _, _ in layers])
    attributes = {key: value for key, value in first.items() if key not in _LOOKS}
    origin = {**first["metadata"][FILE_KEY], "index": {}, "selected": {"z_axis": "C"}}
    return (
        array,
        {
            **attributes,
            "name": name,
            "axis_labels": ("z", "y", "x"),
            "scale": (1.0, *first["scale"][-2:]),
            "units": ("pixel", *first["units"][-2:]),
            "metadata": {**first["metadata"], FILE_KEY: origin},
        },
        "image",
    )


def _are_channels(layers: Sequence[LayerData]) -> bool:
    """Whether all layers are channels of one image, or the only one has no axis but theirs."""
    kinds = {(array.shape, str(array.dtype), kind) for array, _, kind in layers}
    axes = {attributes["axis_labels"] for _, attributes, _ in layers}
    if len(kinds) > 1 or len(axes) > 1 or any(one["rgb"] for _, one, _ in layers):
        return False
    origins = [attributes["metadata"][FILE_KEY] for _, attributes, _ in layers]
    if len(layers) == 1:
        return axes == {("c", "y", "x")}
    are_of_one = {one["series"] for one in origins} == {origins[0]["series"]}
    # tifffile calls the samples of a pixel S, of which more than four are no colour
    are_entries = all({"C", "S"} & set(one["index"]) for one in origins)
    return are_of_one and axes == {("y", "x")} and are_entries
