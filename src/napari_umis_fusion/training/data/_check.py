"""Check what a network is to learn from, before hours are lost on it."""

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import Workers, repeat_event, run_to_end
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import Preparing
from napari_umis_fusion.training.data._duplicates import iter_duplicates
from napari_umis_fusion.training.data._findings import (
    Finding,
    count_noun,
    iter_findings,
    list_first,
)
from napari_umis_fusion.training.data._image_quality import Quality, measure_quality
from napari_umis_fusion.training.data._image_set import ImageSet


@dataclass(frozen=True, slots=True)
class DataReport:
    """What there is to learn from, and what is wrong with it.

    Attributes
    ----------
    images : int
        How many.
    megapixels, memory_mb : float
        Of all of them.
    sources : mapping of str to int
        Images of each source, the largest first.
    split : tuple of int
        Images to learn from, to validate on and to test on; empty if there are too few.
    left_out : tuple of str
        What could not be used, each with the reason.
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
        """Findings that are reasons not to train yet."""
        return tuple(one for one in self.findings if one.severity == "warning")

    def summary(self) -> str:
        """Say how much there is, in one sentence."""
        counts = [f"{name} ({count})" for name, count in self.sources.items()]
        sources = (
            list_first(counts) if len(counts) > 1 else f"one source: {next(iter(self.sources))}"
        )
        return (
            f"{count_noun(self.images, 'image')}, {self.megapixels:.3g} megapixels "
            f"({self.memory_mb:.3g} MB), from {sources}"
        )

    def lines(self) -> list[str]:
        """Return all of it for people, a line each."""
        lines = [self.summary()]
        if self.split:
            learn, held_out, test = self.split
            tested = f", comparing on {test}" if test else ""
            lines.append(f"learning from {learn}, validating on {held_out}{tested}")
        lines += [f"{one.severity}: {one.text}" for one in self.findings]
        return lines + [f"left out: {reason}" for reason in self.left_out]


def check_images(images: ImageSet, config: TrainingConfig | None = None) -> DataReport:
    """Check images before a network is trained on them.

    Parameters
    ----------
    images : ImageSet
        As `collect_images` returns them.
    config : TrainingConfig, optional
        How they will be split, and how large the patches are.

    Returns
    -------
    DataReport
        Numbers, and findings: too few or too small images, images that are blurred, saturated or
        empty, duplicates, and one source that outweighs the others.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_umis_fusion.training import check_images, collect_images
    >>> images = collect_images(list(np.random.default_rng(0).random((4, 300, 300))))
    >>> for line in check_images(images).lines()[:2]:
    ...     print(line)
    4 images, 0.36 megapixels (1.44 MB), from array 0 (1), array 1 (1), array 2 (1) and 1 more
    learning from 3, validating on 1
    """
    return run_to_end(iter_check(images, config))


def iter_check(
    images: ImageSet, config: TrainingConfig | None = None
) -> Generator[Preparing, None, DataReport]:
    """Check images and tell about it on the way; takes and returns what `check_images` does.

    Yields
    ------
    Preparing
        At least every 100 ms. It can be abandoned at any of them.
    """
    config = config or TrainingConfig()
    qualities = yield from _looked_at(images)
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


def _looked_at(images: ImageSet) -> Generator[Preparing, None, list[Quality]]:
    qualities: list[Quality] = []
    with Workers() as workers:
        futures = [workers.submit(measure_quality, image) for image in images.images]
        for number, future in enumerate(futures):
            what = f"checking image {number + 1} of {len(images)}"
            told = Preparing(what, number / len(images))
            yield told
            qualities.append((yield from repeat_event(workers.result(future), told)))
    return qualities


def _parts(images: ImageSet, config: TrainingConfig) -> tuple[list[int], ...]:
    """Return which images are learnt from, validated on and tested on; nothing if too few."""
    try:
        return images.split_indices(config.validation_share, config.test_share, config.seed)
    except StackError:
        return ()
