"""Adapt the network to stacks of one's own, without labels.

Where a stack is sharp in some plane, its fusion is a sharp image of that kind of specimen. Such
regions are cut out, stacks are rendered from them, and training goes on with those. Regions that
are held out decide whether the outcome is better than the start.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.focus_measure.single import focus_map
from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.grey import GreyConverter
from napari_umis_fusion.network.weights import Checkpoint, shipped_weights
from napari_umis_fusion.result import FusionResult
from napari_umis_fusion.training.config import TrainingConfig
from napari_umis_fusion.training.events import TrainingEvent, Working
from napari_umis_fusion.training.images import ImageSet
from napari_umis_fusion.training.loop import train
from napari_umis_fusion.training.result import TrainingResult
from napari_umis_fusion.workers import reporting

Grey = NDArray[np.float32]

REGION_PX = 224
"""Side of the regions that are cut out: a rendered stack with its margin."""

SHARPEST = 0.5
"""Share of the regions that are kept: those with most detail."""


def fine_tune(
    stacks: Any,
    config: TrainingConfig | None = None,
    *,
    start: str | os.PathLike[str] | Checkpoint | None = None,
    fusion: FusionConfig | None = None,
    state: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **options: Any,
) -> Generator[TrainingEvent, None, TrainingResult]:
    """Adapt trained weights to stacks of one's own and tell about it on the way.

    Parameters
    ----------
    stacks : stack or list of stacks
        Whatever `fuse` takes: arrays, paths.
    config : TrainingConfig, optional
        How to train; by default ``TrainingConfig.fine_tuning()``.
    start : path or Checkpoint, optional
        Weights to start from; by default those of this package.
    fusion : FusionConfig, optional
        How the stacks are fused to find their sharp regions.
    state, resume : optional
        As `train` takes them.
    **options
        Fields of `TrainingConfig`, on top of `config`.

    Yields
    ------
    TrainingEvent
        As `train` does; `Working` while the stacks are fused. The first `Validated`, of step 0,
        is that of the start.

    Returns
    -------
    TrainingResult
        The best weights by the regions held out: those of the start, ``improved`` being False,
        unless training found better ones.

    Raises
    ------
    StackError
        If a stack cannot be fused, or too few regions have detail.
    ConfigError, CheckpointError, DeviceError
        As `train` does.
    """
    config = (config or TrainingConfig.fine_tuning()).replace(**options)
    images = yield from reporting(iter_sharp_regions(stacks, fusion), Working(0, 0))
    return (
        yield from train(
            images,
            config,
            start=start if start is not None else shipped_weights("plane-ranker"),
            state=state,
            resume=resume,
        )
    )


def iter_sharp_regions(
    stacks: Any, fusion: FusionConfig | None = None
) -> Generator[None, None, ImageSet]:
    """Fuse stacks and cut out where they are sharp, yielding while it works.

    Parameters
    ----------
    stacks : stack or list of stacks
        Whatever `fuse` takes.
    fusion : FusionConfig, optional
        How to fuse.

    Returns
    -------
    ImageSet
        Grey regions, each stack a source of its own.
    """
    images: list[tuple[Grey, str, str]] = []
    for number, stack in enumerate(_as_list(stacks)):
        name = str(stack) if isinstance(stack, (str, os.PathLike)) else f"stack {number}"
        result = yield from reporting(iter_fuse(stack, fusion), None)
        regions = _regions(_unit_grey(result))
        images += [(region, f"{name} {place}", name) for place, region in regions]
    if not images:
        raise StackError(
            "found no region with detail; give stacks that are sharp somewhere, of at least "
            f"{REGION_PX // 2} x {REGION_PX // 2} px."
        )
    pictures, names, sources = zip(*images, strict=True)
    return ImageSet(pictures, names, sources)


def _as_list(stacks: Any) -> Iterable[Any]:
    return stacks if isinstance(stacks, (list, tuple)) else [stacks]


def _unit_grey(result: FusionResult) -> Grey:
    """Return the all-in-focus image in grey, 0 to 1."""
    from napari_umis_fusion.array_stack import as_stack

    single = as_stack(result.all_in_focus[np.newaxis])
    levels = GreyConverter(single, "auto")(result.all_in_focus)
    return np.asarray(np.clip(levels / np.float32(255), 0, 1), np.float32)


def _regions(grey: Grey) -> Iterator[tuple[str, Grey]]:
    """Yield place and pixels of the regions with most detail."""
    focus = focus_map(255 * grey, focus_measure="laplacian")
    size = min(REGION_PX, *grey.shape)
    if size < REGION_PX // 2:
        return
    corners = [
        (y, x)
        for y in range(0, grey.shape[0] - size + 1, size)
        for x in range(0, grey.shape[1] - size + 1, size)
    ]
    detail = [float(focus[y : y + size, x : x + size].mean()) for y, x in corners]
    least = float(np.quantile(detail, 1 - SHARPEST))
    for (y, x), amount in zip(corners, detail, strict=True):
        if amount > 0 and amount >= least:
            yield f"at {y}, {x}", grey[y : y + size, x : x + size]
