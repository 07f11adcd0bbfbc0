"""Compare the outcome of a training with its start, on stacks that training did not see."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.metrics import false_edge_rate, psnr, ssim
from napari_umis_fusion.runtime import Workers, repeat_event
from napari_umis_fusion.synthetic import StackSampler, TrainingStack
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._result import Comparison
from napari_umis_fusion.training.data import ImageSet
from napari_umis_fusion.training.loop._monitor import fusion_with
from napari_umis_fusion.training.objectives import validation_distribution

STACKS = 96

SIDE_PX = 192
"""Of a stack: borders count less than in the smaller ones that are trained on."""

_SEED = 7919
"""Neither training nor validation draws with it."""

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FusedSample:
    """What weights make of one stack."""

    picture: Picture
    scores: Mapping[str, float]


def iter_compare(
    before: Path,
    after: Path,
    images: ImageSet,
    config: TrainingConfig,
    *,
    baseline: str = "",
    unseen: bool = True,
    stacks: int | None = None,
) -> Generator[None, None, Comparison]:
    """Fuse rendered stacks with two sets of weights, yielding while it works.

    Parameters
    ----------
    before, after : Path
        Weights that training started from, and those that it led to.
    images : ImageSet
        Sharp images that training did not see, to render from.
    config : TrainingConfig
        Of the training: which network, on which device.
    baseline : str
        Name of `before`; by default that of the file.
    unseen : bool
        Whether that is so; told on.
    stacks : int, optional
        How many; by default `STACKS`.

    Yields
    ------
    None
        At least every 100 ms.

    Returns
    -------
    Comparison
        Of the fusions as users get them: with consistency verification, and for the plane ranker
        as a weighted mean.
    """
    sampler = StackSampler(images.images, validation_distribution(config, SIDE_PX), images.sources)
    count = STACKS if stacks is None else stacks
    old, new, shown = [], [], []
    with Workers(1) as workers:
        for index in range(count):
            drawing = workers.submit(sampler.draw, [_SEED, index])
            stack = yield from workers.result(drawing)
            one = yield from _fused(stack, before, config, workers)
            other = yield from _fused(stack, after, config, workers)
            old.append(one.scores)
            new.append(other.scores)
            pictures = (stack.all_in_focus, one.picture, other.picture)
            shown.append(dict(zip(("truth", "before", "after"), pictures, strict=True)))
    gains = np.array([a["psnr"] - b["psnr"] for a, b in zip(new, old, strict=True)])
    typical = int(np.argsort(gains)[len(gains) // 2])
    return Comparison(
        baseline=baseline or before.stem,
        before=_means(old),
        after=_means(new),
        stacks=count,
        better=int((gains > 0).sum()),
        gain_error_db=float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0,
        unseen=unseen,
        samples={name: np.clip(picture, 0, 1) for name, picture in shown[typical].items()},
    )


def _fused(
    stack: TrainingStack, weights: Path, config: TrainingConfig, workers: Workers
) -> Generator[None, None, FusedSample]:
    result = yield from repeat_event(iter_fuse(stack.planes, fusion_with(weights, config)), None)
    measuring = workers.submit(_measured, result.all_in_focus, stack)
    return FusedSample(result.all_in_focus, (yield from workers.result(measuring)))


def _measured(picture: Picture, stack: TrainingStack) -> dict[str, float]:
    truth = stack.all_in_focus
    span = max(float(np.ptp(truth)), 0.1)
    return {
        "psnr": min(50.0, psnr(picture, truth, data_range=span)),
        "ssim": ssim(picture, truth, data_range=span),
        "false_edges": false_edge_rate(picture, stack.planes, grey_range=(0.0, 1.0)),
    }


def _means(scores: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
