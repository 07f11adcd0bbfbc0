"""Regions where a stack is sharp in some plane: sharp images of that kind of specimen."""

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
from napari_umis_fusion.training.data._findings import BLURRED
from napari_umis_fusion.training.data._image_quality import sharpness
from napari_umis_fusion.training.data._read_images import unit_grey

Grey = NDArray[np.float32]
Region = tuple[str, Grey]
"""Its place in words, and its pixels."""

Corner = tuple[slice, slice]
"""Rows and columns."""

REGION_PX = 224
"""Side of the regions that are cut out: a rendered stack with its margin."""

SHARPEST = 0.5
"""Share of all regions that are kept: of those that are crisp the ones with most detail."""

FEW = 8
"""So many are kept in any case: of a small image all that have detail."""

MIN_CRISP = 4
"""Where fewer regions are crisp, others count too, and the check of the data tells of them."""

_MEASURING_SHARE = 0.8


def iter_regions(
    stack: Any, fusion: FusionConfig | None = None
) -> Generator[float, None, list[Region]]:
    """Fuse a stack and cut out where it is sharp.

    Parameters
    ----------
    stack : stack
        Whatever `fuse` takes.
    fusion : FusionConfig, optional
        How to fuse.

    Yields
    ------
    float
        The share that is behind, 0 to 1, at least every 100 ms.

    Returns
    -------
    list of (str, ndarray of shape (Y, X))
        Place, and grey, 0 to 1; at least one.

    Raises
    ------
    StackError
        If the stack cannot be fused, has a single plane, or no region with detail.
    ConfigError, CheckpointError, DeviceError
        As `fuse` does.
    """
    with Workers() as workers:
        opened = yield from repeat_event(workers.result(workers.submit(as_stack, stack)), 0.0)
        _check_planes(opened)
        result = yield from _fused(opened, fusion)
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
            "has a single plane; a stack has several. Give it as an image if it is sharp."
        )


def _fused(stack: Stack, fusion: FusionConfig | None) -> Generator[float, None, FusionResult]:
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
    crisp = [one for one in places if sharpness(grey[one]) >= BLURRED]  # no noise alone
    most = max(math.ceil(SHARPEST * len(places)), FEW)
    usable = crisp if len(crisp) >= MIN_CRISP else places
    return [
        (f"at {rows.start}, {columns.start}", grey[rows, columns].copy())
        for rows, columns in _most_detailed(grey, usable, most)
    ]


def _places(grey: Grey) -> list[Corner]:
    """Return where regions can be cut out: side by side, none if the image is too small."""
    size = min(REGION_PX, *grey.shape)
    if size < REGION_PX // 2:
        return []
    starts = (range(0, side - size + 1, size) for side in grey.shape)
    return [(slice(y, y + size), slice(x, x + size)) for y, x in itertools.product(*starts)]


def _most_detailed(grey: Grey, places: list[Corner], most: int) -> list[Corner]:
    """Return the places with most detail, in their order; none without any."""
    focus = focus_map(255 * grey, focus_measure="laplacian")
    detail = [float(focus[place].mean()) for place in places]
    ranked = sorted(range(len(places)), key=lambda k: -detail[k])[:most]
    return [places[k] for k in sorted(ranked) if detail[k] > 0]
