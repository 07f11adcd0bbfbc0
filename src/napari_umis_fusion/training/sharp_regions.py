"""Regions where a stack is sharp in some plane: sharp images of that kind of specimen."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.array_stack import as_stack
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.events import FusionEvent, Progress
from napari_umis_fusion.focus_measure.single import focus_map
from napari_umis_fusion.fusion import iter_fuse
from napari_umis_fusion.grey import GreyConverter
from napari_umis_fusion.result import FusionResult
from napari_umis_fusion.stack import Plane, Stack
from napari_umis_fusion.training.reading_images import unit_grey
from napari_umis_fusion.workers import Workers, reporting

Grey = NDArray[np.float32]
Region = tuple[str, Grey]
"""Its place in words, and its pixels."""

REGION_PX = 224
"""Side of the regions that are cut out: a rendered stack with its margin."""

SHARPEST = 0.5
"""Share of the regions that are kept: those with most detail."""

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
        opened = yield from reporting(workers.result(workers.submit(as_stack, stack)), 0.0)
        _check_planes(opened)
        result = yield from _fused(opened, fusion)
        cutting = workers.submit(_cut, result.all_in_focus)
        regions = yield from reporting(workers.result(cutting), 1.0)
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
    events: Generator[FusionEvent, None, FusionResult] = iter_fuse(stack, fusion)
    share = 0.0
    try:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                result: FusionResult = end.value
                return result
            if isinstance(event, Progress):
                share = max(share, _share(event))
            yield share
    finally:
        events.close()


def _share(event: Progress) -> float:
    done = event.done / max(event.total, 1)
    if event.stage == "measuring":
        return _MEASURING_SHARE * done
    return _MEASURING_SHARE + (1 - _MEASURING_SHARE) * done


def _cut(image: Plane) -> list[Region]:
    convert = GreyConverter(as_stack(image[np.newaxis]), "auto")
    return list(_sharpest(unit_grey(convert, image)))


def _sharpest(grey: Grey) -> Iterator[Region]:
    """Yield place and pixels of the regions with most detail."""
    focus = focus_map(255 * grey, focus_measure="laplacian")
    size = min(REGION_PX, *grey.shape)
    if size < REGION_PX // 2:
        return
    corners = [
        (y, x)
        for y in range(0, grey.shape[0] - size + 1, size)
        for x in range(0, grey.shape[1] - size + 1, size)
    ]
    detail = [float(focus[y : y + size, x : x + size].mean()) for y, x in corners]
    least = float(np.quantile(detail, 1 - SHARPEST))
    for (y, x), amount in zip(corners, detail, strict=True):
        if amount > 0 and amount >= least:
            yield f"at {y}, {x}", grey[y : y + size, x : x + size].copy()  # not the whole image
