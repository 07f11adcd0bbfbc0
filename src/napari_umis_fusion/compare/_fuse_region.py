"""Fuse a region of a stack as it looks in the fusion of whole planes, as far as it can be."""

from collections.abc import Generator
from operator import index
from typing import Any

from napari_umis_fusion.alignment import AlignedStack, Window, iter_align_if_asked
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.fusion import FusionEvent, FusionResult, iter_fuse
from napari_umis_fusion.runtime import Progress, Workers
from napari_umis_fusion.stack import CroppedStack, Stack, mask_stack

Region = tuple[tuple[int, int], tuple[int, int]]
"""First row (column) of a rectangle, and the one after its last, in pixels of the planes."""


def window_of(stack: Stack, region: Any) -> Window:
    """Return rows and columns of a region; those of whole planes for None.

    Raises
    ------
    ConfigError
        If it is no `Region`.
    StackError
        If the region is empty, or reaches beyond the planes.
    """
    height, width = stack.shape[1:3]
    if region is None:
        return slice(0, height), slice(0, width)
    try:
        (top, bottom), (left, right) = (tuple(map(index, side)) for side in region)
    except (TypeError, ValueError):
        raise ConfigError(
            f"region={region!r}; accepted are two pairs of whole numbers, such as ((0, 512), (256, "
            "768)): the first row and the one after the last, and the same for columns."
        ) from None
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        msg = (
            f"the region has rows {top} to {bottom} and columns {left} to {right}; accepted is "
            f"what lies in planes of {height} x {width} px, such as rows 0 to {height} and "
            f"columns 0 to {width}: the first, and the one after the last."
        )
        raise StackError(msg)
    return slice(top, bottom), slice(left, right)


def iter_fuse_region(
    stack: Stack, config: FusionConfig, window: Window | None
) -> Generator[FusionEvent, None, FusionResult]:
    """Fuse a region; whole planes if there is none.

    Planes are aligned, and illumination is estimated, on whole planes: a part is too little for
    it. All else sees the region only, so that pixels along its border may differ.

    Raises
    ------
    StackError
        If the planes, once aligned, do not overlap in the region.
    """
    if window is None:
        return (yield from iter_fuse(stack, config))
    if not (config.aligns or config.corrects_illumination):
        return (yield from iter_fuse(CroppedStack(stack, *window), config))
    with Workers(config.threads) as workers:
        yield Progress("aligning", 0, len(stack))
        masked = mask_stack(stack, config.empty)
        aligned = yield from iter_align_if_asked(masked, config, None, workers)
    if aligned.alignment is None or aligned.window is None:
        return (yield from iter_fuse(CroppedStack(stack, *window), config))
    covered = overlap_of(window, aligned.window)
    if covered is None:
        raise StackError(
            "the planes, once aligned, do not overlap in the region; choose another region, or "
            "align_border='mask'."
        )
    corrects = config.light == "output"
    part = AlignedStack(stack, aligned.alignment, covered, corrects_values=corrects)
    return (yield from iter_fuse(part, config))


def overlap_of(one: Window, other: Window) -> Window | None:
    """Return the rows and columns that two windows share; None if there are none."""
    rows, columns = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    is_empty = rows.stop <= rows.start or columns.stop <= columns.start
    return None if is_empty else (rows, columns)
