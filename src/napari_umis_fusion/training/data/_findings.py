"""Possible problems of training images, as text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from napari_umis_fusion.runtime import count_noun
from napari_umis_fusion.synthetic import StackDistribution
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training.data._image_quality import Quality
from napari_umis_fusion.training.data._image_set import ImageSet

Severity = Literal["warning", "note"]
FindingKind = Literal[
    "few", "split", "small", "blurred", "noisy", "empty", "bright", "dark", "copies", "one_source"
]

MIN_IMAGES = 10
"""A network memorises fewer images instead of learning from them."""

MIN_HELD_OUT = 3
"""The scores of fewer validation images depend on which images these are."""

MIN_SHARPNESS = 0.18
"""Sharpness below which an image looks out of focus.

Of 145 sharp photographs and micrographs the least has 0.21, 5 % have less than 0.31 and half of
them less than 0.55. Of every third of them, blurred with a Gaussian of 1, 2 and 3 px, 2, 65 and
100 % fall below; with noise of 1 % of the range on top 2, 59 and 94 %, with 2 % noise 2, 53 and
86 %. Single planes of nine stacks have 0.2 to 1.9: some part of each is in focus.
"""

BRIGHT_SHARE, DARK_SHARE = 0.05, 0.5
"""Shares of the pixels at the ends of the range. 3 and 4 of the same 146 images exceed them: with
uniformly white backgrounds, and with the black background of fluorescence, which is correct."""

MIN_SPAN = 8 / 255
"""Span of grey levels, of full scale, below which an image counts as empty."""

MIN_DETAIL = 0.02
"""Share of an image with detail; the emptiest of the 146 has 0.04."""

DOMINANT_SHARE = 0.8
"""Share of one source above which validation says little about the others."""

_MAX_LISTED = 3

_LOOKS: dict[str, tuple[Severity, str, str]] = {
    "blurred": (
        "warning",
        "Out of focus",
        "The network would learn that blur is sharp: remove these images, or downscale them until "
        "they are sharp at the pixel level.",
    ),
    "noisy": (
        "warning",
        "Without fine detail that stands out from noise",
        "The network would learn that noise is detail: remove these images, or expose longer.",
    ),
    "empty": (
        "warning",
        "Almost without detail",
        "They teach little: remove these images, or crop them to the specimen.",
    ),
    "bright": (
        "warning",
        f"Saturated, with more than {BRIGHT_SHARE:.0%} of the pixels at the brightest value",
        "Saturated detail is lost: expose shorter, or remove these images.",
    ),
    "dark": (
        "note",
        f"Black in more than {DARK_SHARE:.0%} of the pixels",
        "That is normal for fluorescence; otherwise crop them to the specimen.",
    ),
}
"""Severity, description and advice of each finding about single images."""

DataSplit = tuple[list[int], ...]
"""Images for training, validation and test; empty if there are too few."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem or remark about the data.

    Attributes
    ----------
    severity : {"warning", "note"}
        A warning should be solved before training.
    kind : str
        Kind of the finding.
    text : str
        The finding, the images concerned, and advice; one or two sentences.
    images : tuple of str
        Names of the images concerned; empty for all.
    """

    severity: Severity
    kind: FindingKind
    text: str
    images: tuple[str, ...] = ()


def iter_findings(
    images: ImageSet,
    config: TrainingConfig,
    parts: DataSplit,
    qualities: Sequence[Quality],
    groups: Sequence[Sequence[int]],
) -> Iterator[Finding]:
    """Yield all findings.

    Parameters
    ----------
    images : ImageSet
        Training images.
    config : TrainingConfig
        Options of the training.
    parts : tuple of list of int
        Images for training, validation and test; empty if there are too few.
    qualities : sequence of Quality
        Quality of each image.
    groups : sequence of sequence of int
        Nearly identical images.
    """
    yield from _about_numbers(images, config, parts)
    yield from _about_sizes(images, config)
    yield from _about_looks(images, qualities)
    yield from _about_duplicates(images, groups, parts)
    yield from _about_sources(images)


def list_first(names: Sequence[str]) -> str:
    """List the first few names."""
    more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
    return ", ".join(names[:_MAX_LISTED]) + more


def _about_numbers(images: ImageSet, config: TrainingConfig, parts: DataSplit) -> Iterator[Finding]:
    count = len(images)
    if count < MIN_IMAGES:
        yield Finding(
            "warning",
            "few",
            f"{count_noun(count, 'image')} only: a network memorises so few. Give "
            f"{MIN_IMAGES} or more, from different parts of your specimens.",
        )
    if parts and len(parts[1]) < MIN_HELD_OUT:
        yield Finding(
            "note",
            "split",
            f"Validation has {count_noun(len(parts[1]), 'image')}: its scores say little about "
            "others. Raise the validation share, or give more images.",
        )
    if parts and config.test_share and not parts[2]:
        yield Finding(
            "note",
            "split",
            "Too few images for a test set: the result will be compared with the initial weights "
            "on the validation set, which overstates the gain. Give more images.",
        )


def _about_sizes(images: ImageSet, config: TrainingConfig) -> Iterator[Finding]:
    if config.objective == "select":
        distribution = StackDistribution(size_px=config.patch_px)
        height = width = distribution.size_px + 2 * distribution.margin_px
        why, less = f"patches of {config.patch_px} px with their margin", "patch size"
    else:
        height, width = config.height_px // 2, config.width_px // 2
        why, less = "half the size to which all are resized", "width and height"
    small = [i for i, im in enumerate(images.images) if im.shape[0] < height or im.shape[1] < width]
    if small:
        state = f"Smaller than {height} x {width} px ({why})"
        advice = f"They are upscaled, which blurs them: give larger images, or lower the {less}."
        yield _about_some(images, "warning", "small", small, state, advice)


def _about_looks(images: ImageSet, qualities: Sequence[Quality]) -> Iterator[Finding]:
    every = list(enumerate(qualities))
    empty = [i for i, q in every if q.span < MIN_SPAN or q.detail < MIN_DETAIL]
    found: dict[FindingKind, list[int]] = {
        "blurred": [i for i, q in every if q.sharpness < MIN_SHARPNESS and i not in empty],
        "noisy": [i for i, q in every if np.isnan(q.sharpness) and i not in empty],
        "empty": empty,
        "bright": [i for i, q in every if q.bright > BRIGHT_SHARE],
        "dark": [i for i, q in every if q.dark > DARK_SHARE],
    }
    for kind, indices in found.items():
        if indices:
            severity, state, advice = _LOOKS[kind]
            yield _about_some(images, severity, kind, indices, state, advice)


def _about_duplicates(
    images: ImageSet, groups: Sequence[Sequence[int]], parts: DataSplit
) -> Iterator[Finding]:
    part_of = {index: number for number, part in enumerate(parts) for index in part}
    across = [g for g in groups if len({part_of.get(index, 0) for index in g}) > 1]
    within = [g for g in groups if g not in across]
    if across:
        yield Finding(
            "warning",
            "copies",
            f"Nearly identical: {_listed(images, across)}. They are in the training set and in the "
            "validation set, so that the scores are too good. Keep one of each.",
            _names(images, [index for group in across for index in group]),
        )
    if within:
        yield Finding(
            "note",
            "copies",
            f"Nearly identical: {_listed(images, within)}. They count twice; keep one of each.",
            _names(images, [index for group in within for index in group]),
        )


def _about_sources(images: ImageSet) -> Iterator[Finding]:
    counts = Counter(images.sources)
    (largest, count), *others = counts.most_common()
    if others and count > DOMINANT_SHARE * len(images):
        yield Finding(
            "note",
            "one_source",
            f"{count} of {len(images)} images come from {largest}: validation mostly measures "
            "these. Give more images of the other sources, if they matter as much.",
        )


def _about_some(
    images: ImageSet,
    severity: Severity,
    kind: FindingKind,
    indices: Sequence[int],
    state: str,
    advice: str,
) -> Finding:
    """Return a finding about some of the images."""
    names = _names(images, indices)
    many = f"{len(indices)} of {count_noun(len(images), 'image')} ({list_first(_short(names))})"
    return Finding(severity, kind, f"{state}: {many}. {advice}", names)


def _names(images: ImageSet, indices: Sequence[int]) -> tuple[str, ...]:
    return tuple(images.names[i] for i in indices)


def _short(names: Sequence[str]) -> list[str]:
    return [Path(name).name for name in names]


def _listed(images: ImageSet, groups: Sequence[Sequence[int]]) -> str:
    return list_first([" = ".join(_short(_names(images, group))) for group in groups])
