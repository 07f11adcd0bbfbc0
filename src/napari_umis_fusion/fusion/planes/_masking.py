"""Stacks that know where their planes show nothing, before they are aligned and fused."""

from collections.abc import Generator

from napari_umis_fusion.alignment import AlignedStack
from napari_umis_fusion.config import FusionConfig
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
