"""Compare the result of a training with its initial weights, on stacks that it did not see."""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.metrics import false_edge_rate, psnr, ssim
from napari_umis_fusion.runtime import Workers, repeat_event
from napari_umis_fusion.synthetic import StackSampler, TrainingStack
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._result import Comparison, GreyImage
from napari_umis_fusion.training.data import ImageSet
from napari_umis_fusion.training.loop._monitor import fusion_with
from napari_umis_fusion.training.objectives import validation_distribution

STACKS = 96
"""Number of stacks: more of them reduce the standard error of the gain."""

SIDE_PX = 192
"""Side of a stack: borders matter less than in the smaller stacks of training."""

_SEED = 7919
"""Seed that neither training nor validation uses."""


TIMED = 3
"""Stacks of which the time of the comparison is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class FusedSample:
    """One stack, fused with some weights, and its scores."""

    image: GreyImage
    scores: Mapping[str, float]


def iter_compare(
    initial: Path,
    trained: Path,
    images: ImageSet,
    config: TrainingConfig,
    *,
    initial_name: str = "",
    unseen: bool = True,
    stacks: int | None = None,
) -> Generator[None, None, Comparison]:
    """Fuse rendered stacks with two sets of weights, yielding regularly.

    Parameters
    ----------
    initial, trained : Path
        Initial weights, and weights of the result.
    images : ImageSet
        Sharp images that training did not see, for rendering.
    config : TrainingConfig
        Options of the training: objective and device.
    initial_name : str
        Name of the initial weights; by default that of the file.
    unseen : bool
        Whether training has indeed not seen the images; stored in the result.
    stacks : int, optional
        Number of stacks; by default `STACKS`.

    Yields
    ------
    None
        At least every 100 ms.

    Returns
    -------
    Comparison
        Scores of complete fusions: with consistency verification, and for the plane ranker as a
        weighted mean.
    """
    sampler = _sampler(images, config)
    count = STACKS if stacks is None else stacks
    old, new, shown = [], [], []
    with Workers(1) as workers:
        for index in range(count):
            drawing = workers.submit(sampler.draw, [_SEED, index])
            stack = yield from workers.result(drawing)
            one = yield from _iter_fuse_sample(stack, initial, config, workers)
            other = yield from _iter_fuse_sample(stack, trained, config, workers)
            old.append(one.scores)
            new.append(other.scores)
            images_shown = (stack.all_in_focus, one.image, other.image)
            shown.append(dict(zip(("truth", "initial", "result"), images_shown, strict=True)))
    gains = np.array([a["psnr"] - b["psnr"] for a, b in zip(new, old, strict=True)])
    # the images shown are those of the median gain, not of the best
    typical = int(np.argsort(gains)[len(gains) // 2])
    return Comparison(
        initial_name=initial_name or initial.stem,
        initial=_means(old),
        trained=_means(new),
        stacks=count,
        better=int((gains > 0).sum()),
        gain_error_db=float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0,
        unseen=unseen,
        samples={name: np.clip(image, 0, 1) for name, image in shown[typical].items()},
    )


def iter_comparison_s(
    initial: Path, images: ImageSet, config: TrainingConfig
) -> Generator[None, None, float]:
    """Return the seconds that `iter_compare` will take, measured on a few of its stacks.

    Parameters
    ----------
    initial, images, config
        As of `iter_compare`.
    """
    yield from iter_compare(initial, initial, images, config, stacks=1)  # what is loaded once
    start = time.perf_counter()
    yield from iter_compare(initial, initial, images, config, stacks=TIMED)
    seconds = time.perf_counter() - start
    sampler = _sampler(images, config)
    planes = [sampler.draw_planes(np.random.default_rng([_SEED, k])) for k in range(STACKS)]
    return seconds * sum(planes) / sum(planes[:TIMED])


def _sampler(images: ImageSet, config: TrainingConfig) -> StackSampler:
    like = validation_distribution(config.replace(imperfections=0), SIDE_PX)
    return StackSampler(images.images, like, images.sources)


def _iter_fuse_sample(
    stack: TrainingStack, weights: Path, config: TrainingConfig, workers: Workers
) -> Generator[None, None, FusedSample]:
    result = yield from repeat_event(iter_fuse(stack.planes, fusion_with(weights, config)), None)
    measuring = workers.submit(_scores, result.all_in_focus, stack)
    return FusedSample(result.all_in_focus, (yield from workers.result(measuring)))


def _scores(image: GreyImage, stack: TrainingStack) -> dict[str, float]:
    truth = stack.all_in_focus
    # PSNR relative to the contrast of the scene; 0.1 bounds it for nearly flat ones
    span = max(float(np.ptp(truth)), 0.1)
    return {
        "psnr": min(50.0, psnr(image, truth, data_range=span)),
        "ssim": ssim(image, truth, data_range=span),
        "false_edges": false_edge_rate(image, stack.planes, grey_range=(0.0, 1.0)),
    }


def _means(scores: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
