"""Cut out the regions of a stack that are sharp in some plane, as training images."""

import itertools
import math
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure import focus_map
from napari_umis_fusion.fusion import Finished, FusionEvent, iter_fuse
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import (
    Progress,
    Workers,
    give_back_memory,
    map_events,
    repeat_event,
)
from napari_umis_fusion.stack import Plane, Stack
from napari_umis_fusion.training.data._findings import MIN_SHARPNESS
from napari_umis_fusion.training.data._grey_stack import without_colour
from napari_umis_fusion.training.data._image_quality import sharpness
from napari_umis_fusion.training.data._read_images import unit_grey
from napari_umis_fusion.training.data._windows import Corner, Window, windows

Grey = NDArray[np.float32]
Region = tuple[str, Grey]
"""Position as text, and pixels."""

REGION_PX = 224
"""Side of the regions: that of a rendered stack with its margin."""

SHARPEST_SHARE = 0.5
"""Share of all regions that is kept: of the sharp ones, those with most detail."""

MIN_KEPT = 8
"""At least so many are kept: in a small image, all with detail."""

MIN_SHARP = 4
"""With fewer sharp regions, others are used, too, and the check of the data reports them."""

OPTIONS: dict[str, Any] = {"memory_mb": 700, "nan_policy": "ignore"}
"""Of a fusion that nobody configured. It takes about as much memory as the training that follows;
what no plane knows is in no region."""

_MEASURING_SHARE = 0.8
"""Share of the first pass in the time of a fusion."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A region, its corner in the stack, and whether its detail is more than noise."""

    corner: Corner
    grey: Grey
    detail: float
    is_sharp: bool


def iter_regions(
    stack: Any, fusion: FusionConfig | None = None
) -> Generator[float, None, list[Region]]:
    """Fuse a stack and cut out its sharp regions.

    Parameters
    ----------
    stack : stack
        As `fuse` accepts it.
    fusion : FusionConfig, optional
        How to fuse; by default as `fuse` does, without colour and in less memory.

    Yields
    ------
    float
        Share of the work that is done, 0 to 1, at least every 100 ms.

    Returns
    -------
    list of (str, ndarray of shape (Y, X))
        Position, and grey image from 0 to 1; at least one.

    Raises
    ------
    StackError
        If the stack cannot be fused, has a single plane, or no region with detail.
    ConfigError, CheckpointError, DeviceError
        As `fuse` raises them.
    """
    with Workers() as workers:
        opened = yield from repeat_event(workers.result(workers.submit(as_stack, stack)), 0.0)
        _check_planes(opened)
        parts = [((0, 0), opened)]
        if fusion is None:
            opened, fusion = without_colour(opened), FusionConfig(**OPTIONS)
            parts = windows(opened, REGION_PX)
        found = yield from _iter_candidates(opened, parts, fusion, workers)
    regions = _most_detailed(found)
    if not regions:
        raise StackError(
            "has no region with detail and without NaN; give stacks that are sharp somewhere, of "
            f"at least {REGION_PX // 2} x {REGION_PX // 2} px."
        )
    return regions


def _check_planes(stack: Stack) -> None:
    if len(stack) < 2:
        raise StackError(
            "has a single plane; a stack has several. If it is sharp, give it as an image."
        )


def _iter_candidates(
    stack: Stack, parts: list[tuple[Corner, Stack]], fusion: FusionConfig, workers: Workers
) -> Generator[float, None, list[Candidate]]:
    """Fuse the windows of a stack; return all their regions."""
    found: list[Candidate] = []
    convert = None
    if len(parts) > 1:
        # One range of grey for all windows, else the noise of dark ones would be detail.
        common = workers.submit(GreyConverter, stack, "auto")
        convert = yield from repeat_event(workers.result(common), 0.0)
    for number, (corner, part) in enumerate(parts):
        if isinstance(part, Window):
            done = number / len(parts)
            yield from repeat_event(workers.result(workers.submit(part.keep)), done)
        share = partial(_share_of_window, number, len(parts))
        result = yield from map_events(iter_fuse(part, fusion), share)
        cutting = workers.submit(_cut, result.all_in_focus, corner, convert)
        found += yield from repeat_event(workers.result(cutting), (number + 1) / len(parts))
        if isinstance(part, Window):
            part.drop()
        give_back_memory()  # or what threads have freed would come on top of the next fusion
    return found


def _share_of_window(number: int, count: int, event: FusionEvent) -> float:
    return (number + _share(event)) / count


def _share(event: FusionEvent) -> float:
    if not isinstance(event, Progress):
        return float(isinstance(event, Finished))
    done = event.done / max(event.total, 1)
    if event.stage == "measuring":
        return _MEASURING_SHARE * done
    return _MEASURING_SHARE + (1 - _MEASURING_SHARE) * done


def _cut(image: Plane, corner: Corner, convert: GreyConverter | None) -> list[Candidate]:
    """Cut all regions out of the image of a window; without a converter, in its own grey range."""
    known = np.asarray(np.isfinite(image).reshape(*image.shape[:2], -1).all(2))
    if not known.any():
        return []
    if not known.all():
        image = np.where(np.isfinite(image), image, np.median(image[known]))
    grey = unit_grey(convert or GreyConverter(as_stack(image[np.newaxis]), "auto"), image)
    places = [place for place in _places(grey) if known[place].all()]
    focus = focus_map(255 * grey, focus_measure="laplacian") if places else grey
    return [
        Candidate(
            (corner[0] + place[0].start, corner[1] + place[1].start),
            grey[place].copy(),
            float(focus[place].mean()),
            sharpness(grey[place]) >= MIN_SHARPNESS,
        )
        for place in places
    ]


def _places(grey: Grey) -> list[tuple[slice, slice]]:
    """Return the positions of adjacent regions; none if the image is too small."""
    size = min(REGION_PX, *grey.shape)
    if size < REGION_PX // 2:
        return []
    starts = (range(0, side - size + 1, size) for side in grey.shape)
    return [(slice(y, y + size), slice(x, x + size)) for y, x in itertools.product(*starts)]


def _most_detailed(found: list[Candidate]) -> list[Region]:
    """Return the regions with most detail, in order; none without detail."""
    most = max(math.ceil(SHARPEST_SHARE * len(found)), MIN_KEPT)
    sharp = [one for one in found if one.is_sharp]
    usable = sharp if len(sharp) >= MIN_SHARP else found
    ranked = sorted(usable, key=lambda one: -one.detail)[:most]
    return [
        (f"at {one.corner[0]}, {one.corner[1]}", one.grey)
        for one in sorted(ranked, key=lambda one: one.corner)
        if one.detail > 0
    ]
