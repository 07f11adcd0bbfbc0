"""Check training data before hours are spent on it."""

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import Workers, config_of, count_noun, repeat_event, run_to_end
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import Preparing
from napari_umis_fusion.training.data._duplicates import iter_duplicates
from napari_umis_fusion.training.data._findings import (
    Finding,
    iter_findings,
    list_first,
)
from napari_umis_fusion.training.data._image_quality import Quality, measure_quality
from napari_umis_fusion.training.data._image_set import ImageSet


@dataclass(frozen=True, slots=True)
class DataReport:
    """Amount and problems of training data.

    Attributes
    ----------
    images : int
        Number of images.
    megapixels, memory_mb : float
        Size of all images.
    sources : mapping of str to int
        Number of images of each source, the largest first.
    split : tuple of int
        Number of images for training, validation and test; empty if there are too few.
    left_out : tuple of str
        Images that could not be used, each with the reason.
    findings : tuple of Finding
        Warnings first.
    """

    images: int
    megapixels: float
    memory_mb: float
    sources: Mapping[str, int]
    split: tuple[int, ...]
    left_out: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that should be solved before training."""
        return tuple(one for one in self.findings if one.severity == "warning")

    def summary(self) -> str:
        """Describe the amount of data in one sentence."""
        counts = [f"{name} ({count})" for name, count in self.sources.items()]
        sources = (
            list_first(counts) if len(counts) > 1 else f"one source: {next(iter(self.sources))}"
        )
        return (
            f"{count_noun(self.images, 'image')}, {self.megapixels:.3g} megapixels "
            f"({self.memory_mb:.3g} MB), from {sources}"
        )

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        lines = [self.summary()]
        if self.split:
            learn, held_out, test = self.split
            tested = f", {test} for comparison" if test else ""
            lines.append(f"{learn} for training, {held_out} for validation{tested}")
        lines += [f"{one.severity}: {one.text}" for one in self.findings]
        return lines + [f"left out: {reason}" for reason in self.left_out]


def check_images(images: ImageSet, config: TrainingConfig | None = None) -> DataReport:
    """Check images before a network is trained on them.

    Parameters
    ----------
    images : ImageSet
        As `collect_images` returns them.
    config : TrainingConfig, optional
        Split of the images, and size of the patches.

    Returns
    -------
    DataReport
        Numbers, and findings: too few or too small images, blurred, saturated or empty images,
        duplicates, and a source that dominates the others.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_umis_fusion.training import check_images, collect_images
    >>> images = collect_images(list(np.random.default_rng(0).random((4, 300, 300))))
    >>> for line in check_images(images).lines()[:2]:
    ...     print(line)
    4 images, 0.36 megapixels (1.44 MB), from array 0 (1), array 1 (1), array 2 (1) and 1 more
    3 for training, 1 for validation
    """
    return run_to_end(iter_check(images, config))


def iter_check(
    images: ImageSet, config: TrainingConfig | None = None
) -> Generator[Preparing, None, DataReport]:
    """Check images, yielding events; parameters and result are those of `check_images`.

    Yields
    ------
    Preparing
        At least every 100 ms. It can be closed at any of them.
    """
    config = config_of(TrainingConfig, config)
    qualities = yield from _iter_measure(images)
    last = Preparing("looking for duplicates", 1.0)
    thumbnails = np.stack([quality.thumbnail for quality in qualities])
    groups = yield from repeat_event(iter_duplicates(thumbnails), last)
    parts = _parts(images, config)
    findings = iter_findings(images, config, parts, qualities, groups)
    pixels = sum(image.size for image in images.images)
    return DataReport(
        len(images),
        pixels / 1e6,
        sum(image.nbytes for image in images.images) / 1e6,
        dict(Counter(images.sources).most_common()),
        tuple(len(part) for part in parts),
        images.left_out,
        tuple(sorted(findings, key=lambda one: one.severity != "warning")),
    )


def _iter_measure(images: ImageSet) -> Generator[Preparing, None, list[Quality]]:
    qualities: list[Quality] = []
    with Workers() as workers:
        futures = [workers.submit(measure_quality, image) for image in images.images]
        for number, future in enumerate(futures):
            what = f"checking image {number + 1} of {len(images)}"
            event = Preparing(what, number / len(images))
            yield event
            qualities.append((yield from repeat_event(workers.result(future), event)))
    return qualities


def _parts(images: ImageSet, config: TrainingConfig) -> tuple[list[int], ...]:
    """Return the images for training, validation and test; empty if there are too few."""
    try:
        return images.split_indices(config.validation_share, config.test_share, config.seed)
    except StackError:
        return ()
