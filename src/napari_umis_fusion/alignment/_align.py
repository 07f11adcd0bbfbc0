"""Put the planes of a stack in place before it is fused, if that is asked for and needed."""

from collections.abc import Generator
from dataclasses import replace
from os import PathLike
from typing import Any

from numpy.typing import ArrayLike

from napari_umis_fusion.alignment._aligned_stack import AlignedStack
from napari_umis_fusion.alignment._alignment import Alignment
from napari_umis_fusion.alignment._common_window import Window, common_window
from napari_umis_fusion.alignment._estimate import iter_align
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.preprocess.illumination import IlluminationProfile
from napari_umis_fusion.runtime import Progress, Workers
from napari_umis_fusion.stack import Stack

TransformsLike = Alignment | ArrayLike | PathLike[str]
"""What `fuse` takes as known transforms."""


def iter_align_if_asked(
    stack: Stack, config: FusionConfig, transforms: TransformsLike | None, workers: Workers
) -> Generator[Progress, None, Stack]:
    """Return the stack with its planes on one another; as it is where none is asked for.

    Raises
    ------
    AlignmentError
        If `transforms` are of another stack, or planes have too little in common.
    """
    if stack.alignment is not None:
        if transforms is not None:
            raise AlignmentError("planes of this stack are in place already; leave out transforms.")
        return stack
    if transforms is not None:
        alignment, light = to_alignment(transforms, stack), IlluminationProfile()
        only_light = illumination_only(config)
        if only_light.corrects_illumination and len(stack) > 1:
            light = (yield from iter_align(stack, only_light, workers)).light
        return align_with(stack, replace(alignment, light=light), config)
    if len(stack) == 1 or not (config.aligns or config.corrects_illumination):
        return stack
    alignment = yield from iter_align(stack, config, workers)
    return align_with(stack, alignment, config)


def illumination_only(config: FusionConfig) -> FusionConfig:
    """Return the config that looks for light as another does, and for no motion."""
    light = "measure" if config.light == "auto" and config.aligns else config.light
    return config.replace(align="none", light=light)


def align_with(
    stack: Stack, alignment: Alignment, config: FusionConfig, window: Window | None = None
) -> AlignedStack:
    """Return the stack with its planes where an alignment says, and lit as the config asks.

    Parameters
    ----------
    stack : Stack
        As recorded.
    alignment : Alignment
        Of its planes.
    config : FusionConfig
        What is done at the borders, and whether values are brought to one light.
    window : tuple of slice, optional
        What is shown where borders are cropped; by default what all planes show.
    """
    if config.align_border == "mask":
        window = None
    elif window is None:
        window = common_window(alignment)
    return AlignedStack(stack, alignment, window, corrects_values=config.light == "output")


def to_alignment(transforms: Any, stack: Stack) -> Alignment:
    """Return transforms as `fuse` takes them as an alignment.

    Raises
    ------
    AlignmentError
        If a file is no table, or an array no transforms.
    """
    if isinstance(transforms, Alignment):
        return transforms
    if isinstance(transforms, (str, PathLike)):
        return Alignment.load(transforms)
    return Alignment.given(transforms, stack.shape[1:3], reference=len(stack) // 2)
