"""Gather what a network learns from: images are read, stacks fused and cut, in the background."""

import glob
import os
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import CheckpointError, ConfigError, DeviceError, StackError
from napari_umis_fusion.runtime import Workers, map_events, repeat_event, run_to_end
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
"""A stack takes about as long as so many images; for the share that is behind."""

_NOT_THE_DATA = (ConfigError, CheckpointError, DeviceError)
"""What no other stack would help against."""


@dataclass(slots=True)
class _Found:
    """What was gathered so far, and how much of the work is behind."""

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
            raise StackError(f"found no usable image.{reasons(self.left_out)}")
        return ImageSet(
            tuple(self.images), tuple(self.names), tuple(self.sources), tuple(self.left_out)
        )


def collect_images(data: Any) -> ImageSet:
    """Gather sharp images to learn from.

    Parameters
    ----------
    data : path, array, Stack or sequence of them, TrainingData or ImageSet
        Folders (searched for images, with their subfolders), files, arrays of shape (Y, X),
        (Y, X, 3), (Y, X, 4) or (Z, Y, X): every plane is an image.

    Returns
    -------
    ImageSet
        Unreadable and unusable ones are left out and listed.

    Raises
    ------
    StackError
        If a path does not exist, or nothing is usable.
    """
    return run_to_end(iter_collect(data))


def iter_collect(
    data: Any, fusion: FusionConfig | None = None
) -> Generator[Preparing, None, ImageSet]:
    """Gather sharp images, and regions of stacks that are sharp, and tell about it on the way.

    Parameters
    ----------
    data : TrainingData, ImageSet, or path, array or sequence of them
        What to learn from; all but the first two are sharp images, see `collect_images`. An
        `ImageSet` is returned as it is.
    fusion : FusionConfig, optional
        How stacks are fused to find their sharp regions.

    Yields
    ------
    Preparing
        At least every 100 ms. It can be abandoned at any of them.

    Returns
    -------
    ImageSet
        What is unreadable or of no use is left out and listed.

    Raises
    ------
    StackError
        If a path does not exist, or nothing is usable.
    ConfigError, CheckpointError, DeviceError
        If stacks cannot be fused as `fusion` says.
    """
    if isinstance(data, ImageSet):
        return data
    if not isinstance(data, TrainingData):
        data = TrainingData(data)
    stacks = [_named(stack, number) for number, stack in enumerate(data.stacks)]
    with Workers() as workers:
        listing = workers.submit(list_sources, data.images, workers.check)
        items = yield from repeat_event(
            workers.result(listing), Preparing("looking for images", 0.0)
        )
        found = _Found(len(items) + STACK_WEIGHT * len(stacks))
        yield from _read(items, workers, found)
    for number, stack in enumerate(stacks):
        what = f"fusing stack {number + 1} of {len(stacks)}"
        yield from _cut_out(stack, what, fusion, found)
    return found.image_set()


def _named(stack: Any, number: int) -> NamedData:
    """Return a stack with its name; files must be there."""
    named = stack if isinstance(stack, NamedData) else NamedData("", stack)
    paths = [named.data] if is_path(named.data) else named.data
    if not (isinstance(paths, (list, tuple)) and paths and all(is_path(one) for one in paths)):
        return NamedData(named.name or f"stack {number}", named.data, named.source)
    for path in paths:
        if not (Path(path).expanduser().exists() or glob.has_magic(os.fspath(path))):
            raise StackError(f"{path} does not exist; give a stack: a file, or a folder of planes.")
    name = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return NamedData(named.name or name, named.data, named.source)


def _read(items: Sequence[ImageSource], workers: Workers, found: _Found) -> Generator[Preparing]:
    """Read images, a few ahead, in order."""
    to_come = iter(items)
    ahead: deque[tuple[ImageSource, Future[ReadImages]]] = deque()

    def submit(count: int) -> None:
        for item in islice(to_come, count):
            ahead.append((item, workers.submit(read_source, item, workers.check)))

    submit(workers.threads)
    while ahead:
        item, future = ahead.popleft()
        told = found.preparing(f"reading image {int(found.done) + 1} of {len(items)}")
        yield told
        read = yield from repeat_event(workers.result(future), told)
        submit(1)
        for name, grey in read.greys:
            found.add(grey, name, item.source)
        found.left_out += read.reasons
        found.done += 1


def _cut_out(
    stack: NamedData, what: str, fusion: FusionConfig | None, found: _Found
) -> Generator[Preparing]:
    """Fuse a stack and keep its sharp regions."""
    yield found.preparing(what)
    try:
        regions = yield from map_events(
            iter_regions(stack.data, fusion),
            lambda share: found.preparing(what, STACK_WEIGHT * share),
        )
        for place, region in regions:
            found.add(region, f"{stack.name} {place}", stack.source or stack.name)
    except _NOT_THE_DATA:
        raise
    except UNUSABLE as error:
        text = str(error)
        found.left_out.append(text if text.startswith(stack.name) else f"{stack.name}: {text}")
    found.done += STACK_WEIGHT
