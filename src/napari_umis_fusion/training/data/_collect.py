"""Collect training images: read images, fuse stacks and cut out their sharp regions."""

import glob
import os
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import CheckpointError, ConfigError, DeviceError, StackError
from napari_umis_fusion.runtime import (
    Workers,
    map_events,
    repeat_event,
    run_to_end,
    user_path,
)
from napari_umis_fusion.training._events import Preparing
from napari_umis_fusion.training.data._image_set import ImageSet, reasons
from napari_umis_fusion.training.data._read_images import (
    UNUSABLE,
    ImageSource,
    ReadImages,
    is_path,
    list_sources,
    read_source,
)
from napari_umis_fusion.training.data._sharp_regions import iter_regions
from napari_umis_fusion.training.data._training_data import NamedData, TrainingData

if TYPE_CHECKING:
    from concurrent.futures import Future

STACK_WEIGHT = 20
"""Time for a stack, in units of the time for an image; for the progress."""

_NOT_THE_DATA = (ConfigError, CheckpointError, DeviceError)
"""Errors that other stacks would raise, too."""


@dataclass(slots=True)
class _Collected:
    """The images collected so far, and the progress."""

    total: int
    done: float = 0.0
    images: list[NDArray[np.float32]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, image: NDArray[np.float32], name: str, source: str) -> None:
        self.images.append(image)
        self.names.append(name)
        self.sources.append(source)

    def preparing(self, what: str, more: float = 0.0) -> Preparing:
        return Preparing(what, min(1.0, (self.done + more) / max(self.total, 1)))

    def image_set(self) -> ImageSet:
        if not self.images:
            raise StackError(
                f"found no usable image; give sharp images or z-stacks.{reasons(self.left_out)}"
            )
        return ImageSet(
            tuple(self.images), tuple(self.names), tuple(self.sources), tuple(self.left_out)
        )


def collect_images(data: Any) -> ImageSet:
    """Collect sharp images for training.

    Parameters
    ----------
    data : path, array, Stack or sequence of them, TrainingData or ImageSet
        Folders (searched for images, with their subfolders), files, arrays of shape (Y, X),
        (Y, X, 3), (Y, X, 4) or (Z, Y, X): every plane is an image.

    Returns
    -------
    ImageSet
        Unreadable and unusable images are skipped and listed in `left_out`.

    Raises
    ------
    StackError
        If a path does not exist, or nothing is usable.
    """
    return run_to_end(iter_collect(data))


def iter_collect(
    data: Any, fusion: FusionConfig | None = None
) -> Generator[Preparing, None, ImageSet]:
    """Collect sharp images, and sharp regions of stacks, yielding events.

    Parameters
    ----------
    data : TrainingData, ImageSet, or path, array or sequence of them
        Training data; all types but the first two are sharp images, see `collect_images`. An
        `ImageSet` is returned unchanged.
    fusion : FusionConfig, optional
        How stacks are fused to find their sharp regions.

    Yields
    ------
    Preparing
        At least every 100 ms. It can be closed at any of them.

    Returns
    -------
    ImageSet
        Unreadable and unusable data is skipped and listed in `left_out`.

    Raises
    ------
    StackError
        If a path does not exist, or nothing is usable.
    ConfigError, CheckpointError, DeviceError
        If stacks cannot be fused with `fusion`.
    """
    if isinstance(data, ImageSet):
        return data
    if not isinstance(data, TrainingData):
        data = TrainingData(data)
    stacks = [_with_name(stack, number) for number, stack in enumerate(data.stacks)]
    with Workers() as workers:
        listing = workers.submit(list_sources, data.images, workers.check)
        items = yield from repeat_event(
            workers.result(listing), Preparing("looking for images", 0.0)
        )
        found = _Collected(len(items) + STACK_WEIGHT * len(stacks))
        yield from _read(items, workers, found)
    for number, stack in enumerate(stacks):
        what = f"fusing stack {number + 1} of {len(stacks)}"
        yield from _iter_sharp_regions(stack, what, fusion, found)
    return found.image_set()


def _with_name(stack: Any, number: int) -> NamedData:
    """Return a stack with its name; its files must exist."""
    named = stack if isinstance(stack, NamedData) else NamedData("", stack)
    paths = [named.data] if is_path(named.data) else named.data
    if not (isinstance(paths, (list, tuple)) and paths and all(is_path(one) for one in paths)):
        return NamedData(named.name or f"stack {number}", named.data, named.source)
    for path in paths:
        if not (user_path(path).exists() or glob.has_magic(os.fspath(path))):
            raise StackError(f"{path} does not exist; give a stack: a file, or a folder of planes.")
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return NamedData(named.name or name, named.data, named.source)


def _read(
    items: Sequence[ImageSource], workers: Workers, found: _Collected
) -> Generator[Preparing]:
    """Read images in order, prefetching one per thread."""
    to_come = iter(items)
    ahead: deque[tuple[ImageSource, Future[ReadImages]]] = deque()

    def submit(count: int) -> None:
        for item in islice(to_come, count):
            ahead.append((item, workers.submit(read_source, item, workers.check)))

    submit(workers.threads)
    while ahead:
        item, future = ahead.popleft()
        event = found.preparing(f"reading image {int(found.done) + 1} of {len(items)}")
        yield event
        read = yield from repeat_event(workers.result(future), event)
        submit(1)
        for name, grey in read.greys:
            found.add(grey, name, item.source)
        found.left_out += read.reasons
        found.done += 1


def _iter_sharp_regions(
    stack: NamedData, what: str, fusion: FusionConfig | None, found: _Collected
) -> Generator[Preparing]:
    """Fuse a stack and add its sharp regions."""
    yield found.preparing(what)
    try:
        regions = yield from map_events(
            iter_regions(stack.data, fusion),
            lambda share: found.preparing(what, STACK_WEIGHT * share),
        )
        for place, region in regions:
            found.add(region, f"{stack.name} {place}", stack.source or stack.name)
    # a wrong option would skip every stack, and hide the reason
    except _NOT_THE_DATA:
        raise
    except UNUSABLE as error:
        text = str(error)
        found.left_out.append(text if text.startswith(stack.name) else f"{stack.name}: {text}")
    found.done += STACK_WEIGHT
