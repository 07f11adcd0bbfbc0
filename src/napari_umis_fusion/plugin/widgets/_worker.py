"""Run a generator of events in a thread, and close it in the same thread."""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QThreadPool
from superqt.utils import GeneratorWorker

PATIENCE_S = 10.0
"""Time for work to end after a cancel: longer than a training step and saving its state."""

MIN_INTERVAL_S = 0.03
"""Shortest time between two events that reach the window, so that it stays responsive."""

BUNDLE_S = 0.1
"""Shortest time between two bundles of events: what they change is laid out and drawn each time."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The last event of work that failed.

    napari's generator workers swallow a `RuntimeError`, and with PySide other exceptions fail on
    their way to the main thread: therefore errors are events.

    Attributes
    ----------
    error : Exception
        The exception.
    """

    error: Exception


class EventWorker(GeneratorWorker):
    """A worker that closes its generator in its own thread, even after `quit`.

    napari leaves that to the garbage collector, which may run it on the main thread.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_over = threading.Event()

    def run(self) -> None:
        """Work, and then wake those who `wait`."""
        _running.add(self)
        # Qt starts no more threads than there are cores: work that lasts, such as a live picture,
        # would keep all further work waiting. This one does not count.
        pool = QThreadPool.globalInstance()
        pool.releaseThread()
        try:
            super().run()
        finally:
            pool.reserveThread()
            self._is_over.set()
            _running.discard(self)

    def pause(self) -> None:
        """Pause at the next event."""
        self._resume_requested = False
        self._pause_requested = True

    def resume(self) -> None:
        """Resume, even if a requested pause has not begun yet."""
        self._pause_requested = False
        self._resume_requested = True

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the work, before a window closes; return whether it has ended."""
        return self._is_over.wait(seconds)

    def work(self) -> Any:
        """Run to the end, or until `quit`."""
        try:
            return super().work()
        finally:
            self._gen.close()


_running: "weakref.WeakSet[EventWorker]" = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """Stop running workers at exit, because Qt's objects must outlive its threads."""
    workers = list(_running)
    for worker in workers:
        worker.quit()
    for worker in workers:
        worker.wait(PATIENCE_S)


class _NamedWork(partial):  # type: ignore[type-arg]
    """A function whose text is a title: napari's question before it closes shows that text."""

    title = "a short calculation"

    def __repr__(self) -> str:
        return f"{self.title!r} (UMIS Fusion)"


def make_worker(
    start: Callable[[], Generator[Any, None, Any]], title: str = "", *, bundled: bool = False
) -> EventWorker:
    """Return a worker, not yet started, that yields what the generator yields.

    Events in quicker succession than `MIN_INTERVAL_S` are skipped; the first and the last are
    always yielded. An exception is yielded as `Failed`. napari's task list knows the worker, so
    that napari asks before it closes.

    Parameters
    ----------
    start : callable
        Returns the generator; called in the thread.
    title : str
        What napari says is running when it asks.
    bundled : bool
        Yield tuples with all events, without skipping any until `quit`; a tuple every `BUNDLE_S`.
    """
    pace = _bundled if bundled else _thinned

    def working() -> Generator[Any, None, Any]:
        try:
            return (yield from pace(start()))
        except Exception as error:
            yield (Failed(error),) if bundled else Failed(error)

    work = _NamedWork(working)
    if title:
        work.title = title
    worker: EventWorker = create_worker(work, _worker_class=EventWorker, _start_thread=False)
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
            if time.monotonic() - told >= BUNDLE_S:
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
            if time.monotonic() - told >= MIN_INTERVAL_S:
                yield held.pop()
                told = time.monotonic()
    finally:
        events.close()
