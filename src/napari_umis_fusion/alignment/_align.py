"""Align a stack before fusion, if the config or given transforms require it."""

from collections.abc import Generator
from dataclasses import replace
from os import PathLike
from typing import Any

from numpy.typing import ArrayLike

from napari_umis_fusion.alignment._aligned_stack import AlignedStack
from napari_umis_fusion.alignment._alignment import Alignment
from napari_umis_fusion.alignment._common_window import Window, common_window
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.preprocess.illumination import IlluminationProfile
from napari_umis_fusion.runtime import Progress, Workers
from napari_umis_fusion.stack import Stack

TransformsLike = Alignment | ArrayLike | PathLike[str]
"""Known transforms that `fuse` accepts: an alignment, an array (Z, 2, 3) or the path of a table."""


def iter_align_if_asked(
    stack: Stack, config: FusionConfig, transforms: TransformsLike | None, workers: Workers
) -> Generator[Progress, None, Stack]:
    """Return the stack with its planes aligned, or unchanged if no correction is requested.

    Raises
    ------
    AlignmentError
        If `transforms` do not match the stack, or the planes overlap too little.
    """
    if stack.alignment is not None:
        if transforms is not None:
            raise AlignmentError("the planes of this stack are aligned already; omit transforms.")
        return stack
    if transforms is not None:
        alignment = replace(
            to_alignment(transforms, stack), light=IlluminationProfile(), healths=()
        )
        only_light = illumination_only(config)
        if only_light.corrects_illumination and len(stack) > 1:
            found = yield from _iter_estimate(stack, only_light, workers)
            alignment = replace(alignment, light=found.light, healths=found.healths)
        return align_with(stack, alignment, config)
    if len(stack) == 1 or not (config.aligns or config.corrects_illumination):
        return stack
    alignment = yield from _iter_estimate(stack, config, workers)
    return align_with(stack, alignment, config)


def _iter_estimate(
    stack: Stack, config: FusionConfig, workers: Workers
) -> Generator[Progress, None, Alignment]:
    # Imported here, with all its kernels, since most runs align nothing.
    from napari_umis_fusion.alignment._estimate import iter_align

    return iter_align(stack, config, workers)


def illumination_only(config: FusionConfig) -> FusionConfig:
    """Return the config that estimates illumination as `config` does, but no motion."""
    light = "measure" if config.light == "auto" and config.aligns else config.light
    return config.replace(align="none", light=light)


def align_with(
    stack: Stack, alignment: Alignment, config: FusionConfig, window: Window | None = None
) -> AlignedStack:
    """Return the stack resampled by an alignment, with its illumination corrected if configured.

    Parameters
    ----------
    stack : Stack
        The recorded planes.
    alignment : Alignment
        Their transforms and illumination.
    config : FusionConfig
        How borders are handled, and whether the illumination of the values is corrected.
    window : tuple of slice, optional
        Rows and columns of the reference plane to crop to; by default the common overlap of all
        planes. Ignored if borders are masked.
    """
    if config.align_border == "mask":
        window = None
    elif window is None:
        window = common_window(alignment)
    return AlignedStack(stack, alignment, window, corrects_values=config.light == "output")


def to_alignment(transforms: Any, stack: Stack) -> Alignment:
    """Convert the transforms that `fuse` accepts to an alignment.

    Raises
    ------
    AlignmentError
        If a file is not a table of transforms, or an array does not hold valid transforms.
    """
    if isinstance(transforms, Alignment):
        return transforms
    if isinstance(transforms, (str, PathLike)):
        return Alignment.load(transforms)
    return Alignment.given(transforms, stack.shape[1:3], reference=len(stack) // 2)
