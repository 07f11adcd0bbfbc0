"""Run a generator of events in a thread of its own, and end it there."""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import create_worker
from superqt.utils import GeneratorWorker

PATIENCE_S = 10.0
"""For work to end once it was told to: longer than a step of a training, and what it then saves."""

SHORTEST_S = 0.03
"""Least time between two events that reach the window."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of work that went wrong.

    Workers swallow a `RuntimeError`, and with PySide napari stumbles over any other: so errors
    are told as events.

    Attributes
    ----------
    error : Exception
        What was raised.
    """

    error: Exception


class EventWorker(GeneratorWorker):
    """A worker that closes its generator itself, in its own thread, also when told to quit."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_over = threading.Event()

    def run(self) -> None:
        """Work, and tell those who `wait`."""
        _running.add(self)
        try:
            super().run()
        finally:
            self._is_over.set()
            _running.discard(self)

    def pause(self) -> None:
        """Rest from the next event on."""
        self._resume_requested = False
        self._pause_requested = True

    def resume(self) -> None:
        """Go on, also where the pause was asked for and has not come yet."""
        self._pause_requested = False
        self._resume_requested = True

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the work, as before a window is gone; returns whether it came."""
        return self._is_over.wait(seconds)

    def work(self) -> Any:
        """Run to the end, or until told to quit."""
        try:
            return super().work()
        finally:
            self._gen.close()


_running: "weakref.WeakSet[EventWorker]" = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """End what still works when the program ends: Qt's objects must outlive its threads."""
    workers = list(_running)
    for worker in workers:
        worker.quit()
    for worker in workers:
        worker.wait(PATIENCE_S)


def make_worker(
    start: Callable[[], Generator[Any, None, Any]], *, bundled: bool = False
) -> EventWorker:
    """Return a worker, not yet started, that yields what the generator yields.

    Events that follow each other faster than `SHORTEST_S` are thinned out; the first and the
    last are always told. What is raised is yielded as `Failed`. napari's list of tasks knows of
    the worker and asks before it closes.

    Parameters
    ----------
    start : callable
        Returns the generator. It is called in the thread.
    bundled : bool
        Every event matters: none is left out until the worker is told to quit, and what is
        yielded are tuples of them.
    """
    pace = _bundled if bundled else _thinned

    def working() -> Generator[Any, None, Any]:
        try:
            return (yield from pace(start()))
        except Exception as error:
            yield (Failed(error),) if bundled else Failed(error)

    worker: EventWorker = create_worker(working, _worker_class=EventWorker, _start_thread=False)
    return worker


def _bundled(events: Generator[Any, None, Any]) -> Generator[tuple[Any, ...], None, Any]:
    told = 0.0
    held: list[Any] = []
    try:
        while True:
            try:
                held.append(next(events))
            except StopIteration as end:
                yield tuple(held)
                return end.value
            except Exception:
                yield tuple(held)
                raise
            if time.monotonic() - told >= SHORTEST_S:
                yield tuple(held)
                held, told = [], time.monotonic()
    finally:
        events.close()


def _thinned(events: Generator[Any, None, Any]) -> Generator[Any, None, Any]:
    told = 0.0
    held: list[Any] = []
    try:
        while True:
            try:
                held = [next(events)]
            except StopIteration as end:
                yield from held
                return end.value
            if time.monotonic() - told >= SHORTEST_S:
                yield held.pop()
                told = time.monotonic()
    finally:
        events.close()
