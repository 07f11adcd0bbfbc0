"""Compare the outcome of a training with its start, on stacks that training did not see."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.metrics import false_edge_rate, psnr, ssim
from napari_umis_fusion.synthetic.sampler import StackSampler, TrainingStack
from napari_umis_fusion.training.config import TrainingConfig
from napari_umis_fusion.training.images import ImageSet
from napari_umis_fusion.training.rendering import stacks_like
from napari_umis_fusion.training.result import Comparison
from napari_umis_fusion.training.watching import fusion_with
from napari_umis_fusion.workers import reporting

STACKS = 32

SIDE_PX = 192
"""Of a stack: borders count less than in the smaller ones that are trained on."""

_SEED = 7919
"""Neither training nor validation draws with it."""

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """What weights make of one stack."""

    picture: Picture
    scores: Mapping[str, float]


def iter_compare(
    before: Path,
    after: Path,
    images: ImageSet,
    config: TrainingConfig,
    *,
    unseen: bool = True,
    stacks: int = STACKS,
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
    unseen : bool
        Whether that is so; told on.
    stacks : int
        How many.

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
    sampler = StackSampler(images.images, stacks_like(config, SIDE_PX), images.sources)
    old, new, shown = [], [], []
    for index in range(stacks):
        stack = sampler.draw([_SEED, index])
        yield
        one = yield from _fused(stack, before, config)
        other = yield from _fused(stack, after, config)
        old.append(one.scores)
        new.append(other.scores)
        shown.append({"truth": stack.all_in_focus, "before": one.picture, "after": other.picture})
    gains = np.array([a["psnr"] - b["psnr"] for a, b in zip(new, old, strict=True)])
    typical = int(np.argsort(gains)[len(gains) // 2])
    return Comparison(
        baseline=before.stem,
        before=_means(old),
        after=_means(new),
        stacks=stacks,
        better=int((gains > 0).sum()),
        gain_error_db=float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0,
        unseen=unseen,
        samples={name: np.clip(picture, 0, 1) for name, picture in shown[typical].items()},
    )


def _fused(
    stack: TrainingStack, weights: Path, config: TrainingConfig
) -> Generator[None, None, Fused]:
    result = yield from reporting(iter_fuse(stack.planes, fusion_with(weights, config)), None)
    picture, truth = result.all_in_focus, stack.all_in_focus
    span = max(float(np.ptp(truth)), 0.1)
    scores = {
        "psnr": min(50.0, psnr(picture, truth, data_range=span)),
        "ssim": ssim(picture, truth, data_range=span),
        "false_edges": false_edge_rate(picture, stack.planes, grey_range=(0.0, 1.0)),
    }
    return Fused(picture, scores)


def _means(scores: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
