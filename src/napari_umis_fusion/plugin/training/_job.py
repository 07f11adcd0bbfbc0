"""A running training: stop, interrupt, and progress."""

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.plugin.widgets import PATIENCE_S, Job, Progress
from napari_umis_fusion.training import Preparing, StepDone, TrainingStarted, Validated, Working
from napari_umis_fusion.training.session import TrainingSession


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """The folder of the training exists."""

    session: TrainingSession


class TrainingJob(Job):
    """A training in its own thread. Cancelling interrupts it; it can be resumed later.

    Parameters
    ----------
    open_session : callable
        Returns the session; called in the thread, because it reads and writes files.
    data : object
        What to train on, as `TrainingSession.train` accepts it; None to resume.
    watch : callable
        Returns the stack to monitor, or None; called in the thread.
    title : str
        Title in napari's activity dock.
    """

    def __init__(
        self,
        open_session: Callable[[], TrainingSession],
        data: Any,
        watch: Callable[[], Any],
        title: str,
    ) -> None:
        super().__init__(self._events, title, self._progress, every_event=True)
        self.session: TrainingSession | None = None
        self.step = 0
        self._open, self._data, self._watch = open_session, data, watch
        self._stop = threading.Event()
        self._first = self._total = 0
        self._working_on = ""

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop or was cancelled."""
        return self._stop.is_set() or self.was_cancelled

    def stop(self) -> None:
        """Stop at the next step and keep the best weights."""
        self._stop.set()
        if self.is_paused:  # a paused worker would never see the event
            self.toggle_pause()

    def interrupt_and_wait(self) -> bool:
        """Cancel, and wait for the end, before the window closes.

        Returns whether the training has ended and can be resumed later.
        """
        self.cancel()
        ended = self.wait(PATIENCE_S)
        return ended and self.session is not None and self.session.can_resume

    def _events(self) -> Generator[Any, None, Any]:
        session = self._open()
        yield SessionOpened(session)
        return (yield from session.train(self._data, stop=self._stop, watch=self._watch))

    def _on_bar_cancelled(self) -> None:
        # the cancel button of the activity dock keeps the best weights, as Stop does
        if not self.is_stopping:
            self.stop()

    def _progress(self, event: Any) -> Progress | None:
        match event:
            case SessionOpened():
                self.session = event.session
            case Preparing():
                return Progress(event.share, event.what)
            case TrainingStarted():
                self.step = self._first = event.first_step
                self._total = event.total_steps
            case StepDone() | Validated():
                self.step, self._working_on = event.step, ""
            case Working():
                self._working_on = event.what
        if not self._total:
            return None
        text = f"step {self.step} of {self._total}"
        return Progress(
            self.step / self._total,
            f"{text}, {self._working_on}" if self._working_on else text,
            self._timed_share(),
            restarts_clock=isinstance(event, TrainingStarted),  # preparations are not timed
        )

    def _timed_share(self) -> float | None:
        to_do = self._total - self._first
        return (self.step - self._first) / to_do if self.step < self._total else None
