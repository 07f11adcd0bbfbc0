"""Adapt the network to your own stacks, without labels.

Regions that are sharp in some plane are cut out of the fused stacks. They are sharp images of
these specimens, from which training renders new stacks. Held-out regions decide whether the result
is better than the initial weights.
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
    """Adapt trained weights to your own stacks, yielding events.

    Parameters
    ----------
    stacks : stack or list of stacks
        As `TrainingData` accepts them.
    config : TrainingConfig, optional
        Options of the training; by default ``TrainingConfig.fine_tuning()``.
    start : path or Checkpoint, optional
        Initial weights; by default those of this package.
    fusion : FusionConfig, optional
        How the stacks are fused to find their sharp regions.
    **options
        Further parameters of `train`: ``state``, ``resume``, ``stop``, ``watch``, and fields of
        `TrainingConfig` that override `config`.

    Yields
    ------
    TrainingEvent
        As from `train`. The first `Validated`, of step 0, is that of the initial weights.

    Returns
    -------
    TrainingResult
        The best weights on the held-out regions. If none are better than the initial weights, it
        holds those, and ``improved`` is False.

    Raises
    ------
    StackError
        If a file does not exist, or too few regions of all stacks have detail.
    ConfigError, CheckpointError, DeviceError
        As `train` raises them.
    """
    config = config or TrainingConfig.fine_tuning()
    start = start if start is not None else shipped_weights("plane-ranker")
    images = yield from iter_collect(TrainingData(stacks=stacks), fusion)
    return (yield from train(images, config, start=start, **options))


def iter_sharp_regions(
    stacks: Any, fusion: FusionConfig | None = None
) -> Generator[None, None, ImageSet]:
    """Fuse stacks and cut out their sharp regions, yielding regularly.

    Parameters
    ----------
    stacks : stack or list of stacks
        As `TrainingData` accepts them.
    fusion : FusionConfig, optional
        How to fuse.

    Returns
    -------
    ImageSet
        Grey regions; each stack is one source. Unusable stacks are listed in `left_out`.

    Raises
    ------
    StackError
        If a file does not exist, or no stack has a region with detail.
    """
    return (yield from repeat_event(iter_collect(TrainingData(stacks=stacks), fusion), None))
