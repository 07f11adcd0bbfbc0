"""One training under way: its worker, its progress in words; pause, stop, suspend."""

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from napari.utils import cancelable_progress
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.plugin.fusion._run import Stopwatch, duration_in_words
from napari_umis_fusion.plugin.widgets._worker import PATIENCE_S, Failed, make_worker
from napari_umis_fusion.training.events import (
    Preparing,
    StepDone,
    TrainingFinished,
    TrainingStarted,
    Validated,
    Working,
)
from napari_umis_fusion.training.session import TrainingSession

_STEPS = 1000
"""Of the bar in napari's activity dock."""


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """The folder of the training is there."""

    session: TrainingSession


class TrainingTask(QObject):
    """A training in a thread of its own.

    Parameters
    ----------
    open_session : callable
        Returns the session; called in the thread, as it reads and writes files.
    data : object
        What to train on, as `TrainingSession.train` takes it; None to go on.
    watch : callable
        Returns the stack to make pictures of, or None; called in the thread.
    title : str
        What napari's activity dock calls it.

    Signals
    -------
    told(object)
        Every event of the training, once.
    progressed(float, str)
        Share of the work behind, 0 to 1, and the same in words.
    succeeded(object)
        `TrainingResult`.
    failed(object)
        The exception.
    ended()
        Last of all, whatever happened.
    """

    told = Signal(object)
    progressed = Signal(float, str)
    succeeded = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(
        self,
        open_session: Callable[[], TrainingSession],
        data: Any,
        watch: Callable[[], Any],
        title: str,
    ) -> None:
        super().__init__()
        self.session: TrainingSession | None = None
        self.was_suspended = False
        self.step = 0
        self._open, self._data, self._watched = open_session, data, watch
        self._stop = threading.Event()
        self._clock, self._title = Stopwatch(), title
        self._first = self._total = 0
        self._is_started = False
        self._doing = ""
        self._bar: Any = cancelable_progress(total=_STEPS, desc=title)
        self._worker = make_worker(self._events, bundled=True)
        self._worker.yielded.connect(self._on_events)
        self._worker.finished.connect(self._on_finished)

    def start(self) -> None:
        """Begin; a task that was suspended before that never does."""
        if not self.was_suspended:
            self._is_started = True
            self._worker.start()

    @property
    def is_paused(self) -> bool:
        """Whether work rests, or will at its next event."""
        return self._clock.is_paused

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to end, one way or another."""
        return self._stop.is_set() or self.was_suspended

    def toggle_pause(self) -> None:
        """Pause, or go on."""
        if self.is_paused:
            self._clock.resume()
            self._worker.resume()
        else:
            self._clock.pause()
            self._worker.pause()

    def stop(self) -> None:
        """End at the next step and keep the best weights."""
        self._stop.set()
        if self.is_paused:
            self.toggle_pause()

    def suspend(self) -> None:
        """End at once; what is needed to go on is saved."""
        self.was_suspended = True
        if self._is_started:
            self._worker.quit()
        else:
            self._on_finished()

    def suspend_and_wait(self) -> bool:
        """Suspend, and wait a moment for the end: the window is about to go.

        Returns whether the training has ended and can go on later.
        """
        was_started = self._is_started
        self.suspend()
        ended = was_started and self._worker.wait(PATIENCE_S)
        return ended and self.session is not None and self.session.can_go_on

    def _events(self) -> Generator[Any, None, Any]:
        session = self._open()
        yield SessionOpened(session)
        return (yield from session.train(self._data, stop=self._stop, watch=self._watched))

    def _on_events(self, events: tuple[Any, ...]) -> None:
        if self._bar.is_canceled and not self.is_stopping:
            self.stop()
        for event in events:
            self._take(event)
        if self._total and not self.was_suspended:
            self._tell()

    def _take(self, event: Any) -> None:
        match event:
            case SessionOpened():
                self.session = event.session
            case Preparing():
                self.progressed.emit(event.share, event.what)
            case TrainingStarted():
                self.step = self._first = event.first_step
                self._total = event.total_steps
                self._restart_clock()
            case StepDone() | Validated():
                self.step, self._doing = event.step, ""
            case Working():
                self._doing = event.what
            case TrainingFinished():
                self.succeeded.emit(event.result)
            case Failed():
                self.failed.emit(event.error)
                return
        self.told.emit(event)

    def _tell(self) -> None:
        share = self.step / max(self._total, 1)
        text = f"step {self.step} of {self._total}"
        if self._doing:
            text += f", {self._doing}"
        left_s = self._left_s()
        if left_s is not None and self.step < self._total:
            text += f", {duration_in_words(left_s)} left"
        self._bar.update(int(share * _STEPS) - self._bar.n)
        self._bar.set_description(f"{self._title}: {text}")
        self.progressed.emit(share, text)

    def _restart_clock(self) -> None:
        """Time training alone, without the preparations."""
        paused, self._clock = self.is_paused, Stopwatch()
        if paused:
            self._clock.pause()

    def _left_s(self) -> float | None:
        to_do = self._total - self._first
        return self._clock.left_s((self.step - self._first) / to_do) if to_do > 0 else None

    def _on_finished(self) -> None:
        self._bar.close()
        self.ended.emit()
