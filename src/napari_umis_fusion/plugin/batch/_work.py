"""What runs in threads: a batch that can be stopped between stacks, and files to open."""

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from napari_umis_fusion.batch import (
    BatchEntry,
    BatchStack,
    Searching,
    StackBegun,
    StackEnded,
    StackWorking,
)
from napari_umis_fusion.files.ome_zarr import zarr_layers
from napari_umis_fusion.files.read import PathsLike, read_layers
from napari_umis_fusion.plugin.widgets import Progress

SHOWN = {
    "all_in_focus": "fused",
    "depth_map": "depth",
    "depth_error_map": "error of depth",
    "index_map": "index",
}
"""What the layer of each result is called after its stack."""


def iter_until(
    start: Callable[[], Generator[Any, None, Any]], stop: threading.Event
) -> Generator[Any, None, Any]:
    """Yield the events of a batch, and end it after a stack once `stop` is set."""
    steps = start()
    try:
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return end.value
            yield event
            if stop.is_set() and not isinstance(event, StackBegun | StackWorking):
                return None
    finally:
        steps.close()


def iter_layers(stack: BatchStack, entry: BatchEntry) -> Generator[None, None, list[Any]]:
    """Read a stack and its results; returns layers as data."""
    name = Path(stack.name).name
    yield
    layers = _layers_of(stack.files[0] if len(stack.files) == 1 else list(stack.files))
    if len(layers) == 1:  # planes are named after the first of them
        layers = [_named(name, layers[0])]
    for kind, path in entry.outputs.items():
        yield
        layers += [_named(f"{name} {SHOWN[kind]}", layer) for layer in _layers_of(path)]
    return layers


def _layers_of(source: PathsLike) -> list[Any]:
    if isinstance(source, Path) and source.is_dir():
        return zarr_layers(source)
    return read_layers(source)


def _named(name: str, layer: Any) -> Any:
    data, attributes, kind = layer
    return data, {**attributes, "name": name}, kind


class BatchProgress:
    """Says how far a batch is."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.open, self.ended = 0, 0

    def start(self, names: tuple[str, ...], open_stacks: int) -> None:
        """Count stacks that are still to be fused."""
        self.names, self.open, self.ended = names, open_stacks, 0

    def of(self, event: Any) -> Progress | None:
        """Return the progress at an event."""
        if isinstance(event, Searching):
            return Progress(0.0, f"searching: {event.stacks} stacks, {event.files} files")
        if isinstance(event, StackEnded):
            self.ended += 1
            return None
        if not isinstance(event, StackWorking) or not self.open:
            return None
        share = (self.ended + event.done / max(event.total, 1)) / self.open
        name = self.names[event.number] if event.number < len(self.names) else ""
        text = f"stack {self.ended + 1} of {self.open}, {name}: {event.stage}"
        return Progress(min(share, 1.0), text, min(share, 1.0))
