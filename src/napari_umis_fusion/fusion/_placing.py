"""Planes put in place by what sound planes tell."""

from collections.abc import Generator

from napari_umis_fusion.alignment import (
    AlignedStack,
    TransformsLike,
    align_with,
    iter_align_if_asked,
)
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.preprocess.health import iter_with_sound_planes
from napari_umis_fusion.runtime import Progress, Workers, repeat_event
from napari_umis_fusion.stack import Stack, mask_stack


def iter_mask(
    stack: Stack, config: FusionConfig, workers: Workers
) -> Generator[Progress, None, Stack]:
    """Return the stack that knows where its planes show nothing; see `mask_stack`."""

    def mask() -> Stack:
        if isinstance(stack, AlignedStack):
            return stack.masked(config.empty)
        return mask_stack(stack, config.empty)

    masking = workers.submit(mask)
    return (yield from repeat_event(workers.result(masking), Progress("measuring", 0, len(stack))))


def iter_place(
    stack: Stack, config: FusionConfig, transforms: TransformsLike | None, workers: Workers
) -> Generator[Progress, None, Stack]:
    """Return the stack with its planes on one another; takes what `iter_align_if_asked` takes.

    Planes that hold no picture, or are lit otherwise, tell nothing of motion and light: others
    stand in for them. The stack that is returned shows all planes as recorded.
    """
    looks = config.aligns or config.corrects_illumination
    if stack.alignment is not None or not looks:
        return (yield from iter_align_if_asked(stack, config, transforms, workers))

    def look_at(planes: Stack) -> Generator[Progress, None, Stack]:
        return (yield from iter_align_if_asked(planes, config, transforms, workers))

    placed = yield from iter_with_sound_planes(stack, look_at)
    if not isinstance(placed, AlignedStack):
        return stack
    return align_with(stack, placed.alignment, config, placed.window)
