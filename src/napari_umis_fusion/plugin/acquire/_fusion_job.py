"""Live fusion in a thread: its pictures are renewed, none of its results is skipped."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from napari_umis_fusion.live import (
    Field,
    FieldFailed,
    FieldFinished,
    FieldProgress,
    FieldUpdated,
    LiveWaiting,
    RunFinished,
    RunStarted,
)
from napari_umis_fusion.plugin.acquire._field_layers import FieldLayers
from napari_umis_fusion.plugin.widgets import Job, Progress
from napari_umis_fusion.runtime import expand_events

MOST_COUNTED = 20_000
"""Events of a run that are counted; of longer runs the share that is done is not shown."""


@dataclass(frozen=True, slots=True)
class RunCounted:
    """A run begins.

    Attributes
    ----------
    number : int
        Which, counted from 0.
    frames : int
        How many it will have; 0 if they are too many to count.
    channels : tuple of str
        Names of its channels.
    """

    number: int
    frames: int
    channels: tuple[str, ...]


class FusionJob(Job):
    """Runs a live fusion, and shows it in layers.

    Of pictures only the newest waits for the window, since each takes as much memory as a frame.

    Parameters
    ----------
    start : callable
        Returns the generator of events, such as `iter_acquire`.
    layers : FieldLayers
        Where they are shown.

    Attributes
    ----------
    fused : int
        Stacks that are fused.
    notes : list of str
        What the user should know.
    files : list of Path
        Files of frames.
    folder : Path or None
        Folder of the latest run.
    """

    def __init__(
        self,
        start: Callable[[], Generator[Any, None, Any]],
        layers: FieldLayers,
    ) -> None:
        self._newest: dict[Field, FieldUpdated] = {}
        self._layers, self._frames = layers, 0
        self.fused = 0
        self.notes: list[str] = []
        self.files: list[Any] = []
        self.folder: Any = None
        newest = self._newest
        super().__init__(
            # Without a title: napari's activity dock lets Qt handle further events at each step,
            # which would renew pictures within the renewal of pictures.
            lambda: _iter_newest(start(), newest),
            report=self._progress,
            every_event=True,
        )
        self.yielded.connect(self._on_event)

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Field):
            updated = self._newest.pop(event, None)
            if updated is not None:
                self._layers.update(updated)
        elif isinstance(event, RunCounted):
            self._newest.clear()
            self._layers.begin_run(event.number, event.channels)
        elif isinstance(event, FieldFinished):
            self._newest.pop(event.field, None)
            self._layers.finish(event)
            self.fused += 1
            self.notes += event.notes
        elif isinstance(event, FieldFailed):
            self.notes.append(event.message)
        elif isinstance(event, RunFinished):
            self.folder, self.files = event.folder, [*self.files, *event.files]
            self.notes += event.notes
            if event.skipped:
                self.notes.append(f"{event.skipped} planes were not needed")

    def _progress(self, event: Any) -> Progress | None:
        """Return what is told of an event."""
        if isinstance(event, RunCounted):
            self._frames = event.frames
        elif isinstance(event, LiveWaiting) and event.frames:
            of = f" of {self._frames}" if self._frames else ""
            behind = f", {event.behind} not shown yet" if event.behind > 1 else ""
            disk = ", some on disk" if event.on_disk else ""
            share = min(1.0, event.frames / self._frames) if self._frames else 0.0
            return Progress(share, f"frame {event.frames}{of}{behind}{disk}")
        elif isinstance(event, FieldProgress):
            return Progress(event.share, f"fusing {event.field.name}")
        return None


def _iter_newest(
    events: Generator[Any, None, Any], newest: dict[Field, FieldUpdated]
) -> Generator[Any, None, Any]:
    """Pass events on, but of pictures only their field: the picture is the newest when shown."""

    def passed_on(event: Any) -> Iterator[Any]:
        if isinstance(event, FieldUpdated):
            newest[event.field] = event
            yield event.field
            return
        if isinstance(event, RunStarted):
            count = sum(1 for _ in islice(event.sequence, MOST_COUNTED))
            channels = tuple(channel.config for channel in event.sequence.channels)
            yield RunCounted(event.number, 0 if count == MOST_COUNTED else count, channels)
        yield event

    return (yield from expand_events(events, passed_on))
