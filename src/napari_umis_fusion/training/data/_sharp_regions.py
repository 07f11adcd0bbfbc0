"""Cut out the regions of a stack that are sharp in some plane, as training images."""

import itertools
import math
from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure import focus_map
from napari_umis_fusion.fusion import Finished, FusionEvent, FusionResult, iter_fuse
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Progress, Workers, map_events, repeat_event
from napari_umis_fusion.stack import Plane, Stack
from napari_umis_fusion.training.data._findings import MIN_SHARPNESS
from napari_umis_fusion.training.data._image_quality import sharpness
from napari_umis_fusion.training.data._read_images import unit_grey

Grey = NDArray[np.float32]
Region = tuple[str, Grey]
"""Position as text, and pixels."""

Corner = tuple[slice, slice]
"""Rows and columns."""

REGION_PX = 224
"""Side of the regions: that of a rendered stack with its margin."""

SHARPEST_SHARE = 0.5
"""Share of all regions that is kept: of the sharp ones, those with most detail."""

MIN_KEPT = 8
"""At least so many are kept: in a small image, all with detail."""

MIN_SHARP = 4
"""With fewer sharp regions, others are used, too, and the check of the data reports them."""

MEMORY_MB = 1000
"""Of a fusion that nobody configured: large planes in blocks, so that it takes about as much memory
as the training that follows."""

_MEASURING_SHARE = 0.8
"""Share of the first pass in the time of a fusion."""


def iter_regions(
    stack: Any, fusion: FusionConfig | None = None
) -> Generator[float, None, list[Region]]:
    """Fuse a stack and cut out its sharp regions.

    Parameters
    ----------
    stack : stack
        As `fuse` accepts it.
    fusion : FusionConfig, optional
        How to fuse; by default as `fuse` does, in less memory.

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
        result = yield from _iter_fuse(opened, fusion)
        cutting = workers.submit(_cut, result.all_in_focus)
        regions = yield from repeat_event(workers.result(cutting), 1.0)
    if not regions:
        raise StackError(
            "has no region with detail; give stacks that are sharp somewhere, of at least "
            f"{REGION_PX // 2} x {REGION_PX // 2} px."
        )
    return regions


def _check_planes(stack: Stack) -> None:
    if len(stack) < 2:
        raise StackError(
            "has a single plane; a stack has several. If it is sharp, give it as an image."
        )


def _iter_fuse(stack: Stack, fusion: FusionConfig | None) -> Generator[float, None, FusionResult]:
    fusion = fusion or FusionConfig(memory_mb=MEMORY_MB)
    return (yield from map_events(iter_fuse(stack, fusion), _share))


def _share(event: FusionEvent) -> float:
    if not isinstance(event, Progress):
        return float(isinstance(event, Finished))
    done = event.done / max(event.total, 1)
    if event.stage == "measuring":
        return _MEASURING_SHARE * done
    return _MEASURING_SHARE + (1 - _MEASURING_SHARE) * done


def _cut(image: Plane) -> list[Region]:
    convert = GreyConverter(as_stack(image[np.newaxis]), "auto")
    grey = unit_grey(convert, image)
    places = _places(grey)
    sharp = [one for one in places if sharpness(grey[one]) >= MIN_SHARPNESS]  # excludes noise
    most = max(math.ceil(SHARPEST_SHARE * len(places)), MIN_KEPT)
    usable = sharp if len(sharp) >= MIN_SHARP else places
    return [
        (f"at {rows.start}, {columns.start}", grey[rows, columns].copy())
        for rows, columns in _most_detailed(grey, usable, most)
    ]


def _places(grey: Grey) -> list[Corner]:
    """Return the positions of adjacent regions; none if the image is too small."""
    size = min(REGION_PX, *grey.shape)
    if size < REGION_PX // 2:
        return []
    starts = (range(0, side - size + 1, size) for side in grey.shape)
    return [(slice(y, y + size), slice(x, x + size)) for y, x in itertools.product(*starts)]


def _most_detailed(grey: Grey, places: list[Corner], most: int) -> list[Corner]:
    """Return the positions with most detail, in order; none without detail."""
    focus = focus_map(255 * grey, focus_measure="laplacian")
    detail = [float(focus[place].mean()) for place in places]
    ranked = sorted(range(len(places)), key=lambda k: -detail[k])[:most]
    return [places[k] for k in sorted(ranked) if detail[k] > 0]
