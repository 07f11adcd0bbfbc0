"""Run a generator of events in a thread of its own, and end it there."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import create_worker
from superqt.utils import GeneratorWorker

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

    def work(self) -> Any:
        """Run to the end, or until told to quit."""
        try:
            return super().work()
        finally:
            self._gen.close()


def make_worker(start: Callable[[], Generator[Any, None, Any]]) -> EventWorker:
    """Return a worker, not yet started, that yields what the generator yields.

    Events that follow each other faster than `SHORTEST_S` are thinned out; the first and the
    last are always told. What is raised is yielded as `Failed`. napari's list of tasks knows of
    the worker and asks before it closes.

    Parameters
    ----------
    start : callable
        Returns the generator. It is called in the thread.
    """

    def fusing() -> Generator[Any, None, Any]:
        try:
            return (yield from _thinned(start()))
        except Exception as error:
            yield Failed(error)

    worker: EventWorker = create_worker(fusing, _worker_class=EventWorker, _start_thread=False)
    return worker


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
