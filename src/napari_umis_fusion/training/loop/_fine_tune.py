"""Adapt the network to stacks of one's own, without labels.

Where a stack is sharp in some plane, its fusion is a sharp image of that kind of specimen. Such
regions are cut out, stacks are rendered from them, and training goes on with those. Regions that
are held out decide whether the outcome is better than the start.
"""

import os
from collections.abc import Generator
from typing import Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.network import Checkpoint, shipped_weights
from napari_umis_fusion.runtime import repeat_event
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import TrainingEvent
from napari_umis_fusion.training._result import TrainingResult
from napari_umis_fusion.training.data import ImageSet, TrainingData, iter_collect
from napari_umis_fusion.training.loop._train import train

__all__ = ["fine_tune", "iter_sharp_regions"]


def fine_tune(
    stacks: Any,
    config: TrainingConfig | None = None,
    *,
    start: str | os.PathLike[str] | Checkpoint | None = None,
    fusion: FusionConfig | None = None,
    **options: Any,
) -> Generator[TrainingEvent, None, TrainingResult]:
    """Adapt trained weights to stacks of one's own and tell about it on the way.

    Parameters
    ----------
    stacks : stack or list of stacks
        As `TrainingData` takes them.
    config : TrainingConfig, optional
        How to train; by default ``TrainingConfig.fine_tuning()``.
    start : path or Checkpoint, optional
        Weights to start from; by default those of this package.
    fusion : FusionConfig, optional
        How the stacks are fused to find their sharp regions.
    **options
        What else `train` takes: ``state``, ``resume``, ``stop``, ``watch``, and fields of
        `TrainingConfig`, on top of `config`.

    Yields
    ------
    TrainingEvent
        As `train` does. The first `Validated`, of step 0, is that of the start.

    Returns
    -------
    TrainingResult
        The best weights by the regions held out: those of the start, ``improved`` being False,
        unless training found better ones.

    Raises
    ------
    StackError
        If a file does not exist, or too few regions of all stacks have detail.
    ConfigError, CheckpointError, DeviceError
        As `train` does.
    """
    config = config or TrainingConfig.fine_tuning()
    start = start if start is not None else shipped_weights("plane-ranker")
    images = yield from iter_collect(TrainingData(stacks=stacks), fusion)
    return (yield from train(images, config, start=start, **options))


def iter_sharp_regions(
    stacks: Any, fusion: FusionConfig | None = None
) -> Generator[None, None, ImageSet]:
    """Fuse stacks and cut out where they are sharp, yielding while it works.

    Parameters
    ----------
    stacks : stack or list of stacks
        As `TrainingData` takes them.
    fusion : FusionConfig, optional
        How to fuse.

    Returns
    -------
    ImageSet
        Grey regions, each stack a source of its own. Stacks of no use are left out and listed.

    Raises
    ------
    StackError
        If a file does not exist, or no stack has a region with detail.
    """
    return (yield from repeat_event(iter_collect(TrainingData(stacks=stacks), fusion), None))
