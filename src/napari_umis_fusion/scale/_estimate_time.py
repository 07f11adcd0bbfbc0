"""How long a run will take: a small part of the first stack is fused and timed."""

import time

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files.ome_zarr import ZarrStack
from napari_umis_fusion.fusion import fuse
from napari_umis_fusion.scale._run_plan import RunPlan
from napari_umis_fusion.stack import CroppedStack, Stack

SAMPLE_PX, SAMPLE_PLANES, WARM_PX = 512, 10, 96
"""Side and planes of the part that is timed, and side of one that loads kernels before."""


def estimate_seconds(plan: RunPlan, gigapixels: float) -> float:
    """Return the time of a run in this process, in s.

    Parameters
    ----------
    plan : RunPlan
        The run.
    gigapixels : float
        Pixels of all planes, in 10^9.
    """
    stack = ZarrStack(plan.source.fields[0])
    config = plan.config.replace(align="none", nan_policy="ignore")
    _timed(_middle(stack, WARM_PX), config)
    part = _middle(stack, SAMPLE_PX)
    pixels = part.shape[0] * part.shape[1] * part.shape[2]
    channels = part.channel_count or 1
    return _timed(part, config) * gigapixels * 1e9 / (pixels * channels) * _margin_share(plan)


def _middle(stack: Stack, side_px: int) -> Stack:
    rows, columns = (
        slice(max(0, (side - side_px) // 2), min(side, (side + side_px) // 2))
        for side in stack.shape[1:3]
    )
    return CroppedStack(stack, rows, columns, slice(0, SAMPLE_PLANES))


def _timed(stack: Stack, config: FusionConfig) -> float:
    start = time.perf_counter()
    fuse(stack, config)
    return time.perf_counter() - start


def _margin_share(plan: RunPlan) -> float:
    """Return how many pixels are computed for each that is kept, in the first field."""
    grid = plan.grids[0]
    return sum(block.pixels for block in grid.blocks) / (grid.shape[0] * grid.shape[1])
