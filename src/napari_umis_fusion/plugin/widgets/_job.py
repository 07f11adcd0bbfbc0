"""Work in a thread: events, progress, pause and cancel."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from napari.utils import cancelable_progress
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.plugin.widgets._worker import Failed, make_worker
from napari_umis_fusion.runtime import COMPILING, is_compiling

_BAR_STEPS = 1000
"""Steps of the bar in napari's activity dock."""

_MIN_ELAPSED_S, _MIN_SHARE = 1.0, 0.02
"""Before both are reached, an estimate of the time left would be far off."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of work.

    Attributes
    ----------
    share : float
        Share of the work that is done, 0 to 1.
    text : str
        Text without the time left, such as "plane 5 of 12".
    timed_share : float, optional
        Share of the timed work, which may exclude preparations; None if the time left is unknown.
    restarts_clock : bool
        Whether the timed work starts now.
    """

    share: float
    text: str
    timed_share: float | None = None
    restarts_clock: bool = False


class Stopwatch:
    """Measures working time without pauses, and estimates the time left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._paused_at: float | None = None

    @property
    def is_paused(self) -> bool:
        """Whether the clock is stopped."""
        return self._paused_at is not None

    def pause(self) -> None:
        """Stop the clock."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """Resume the clock."""
        if self._paused_at is not None:
            self._begun += self._clock() - self._paused_at
            self._paused_at = None

    def restart(self) -> None:
        """Restart from now; a stopped clock stays stopped."""
        self._begun = self._clock()
        if self._paused_at is not None:
            self._paused_at = self._begun

    def elapsed_s(self) -> float:
        """Return the working time so far."""
        now = self._clock() if self._paused_at is None else self._paused_at
        return now - self._begun

    def left_s(self, share: float) -> float | None:
        """Return the time left, or None while an estimate would be far off."""
        elapsed = self.elapsed_s()
        if elapsed < _MIN_ELAPSED_S or share <= _MIN_SHARE:
            return None
        return elapsed * (1 - share) / share


class _Bar(cancelable_progress):
    """The bar in napari's activity dock; says at once that it was cancelled, also in a pause."""

    def __init__(self, cancelled: Callable[[], None], title: str) -> None:
        self._cancelled = cancelled
        super().__init__(total=_BAR_STEPS, desc=title)

    def cancel(self) -> None:
        super().cancel()
        self._cancelled()


class Job(QObject):
    """A generator of events in its own thread.

    napari's task list knows it, so that napari asks before it closes.

    Parameters
    ----------
    start : callable
        Returns the generator; called in the thread.
    title : str
        Title in napari's activity dock; by default it is not shown there.
    report : callable, optional
        Returns the `Progress` of an event, or None.
    every_event : bool
        Emit every event, including those before a cancel takes effect. Otherwise events in quick
        succession are skipped, and none is emitted after a cancel.

    Signals
    -------
    yielded(object)
        An event.
    progressed(float, str)
        Share of the work that is done, 0 to 1, and a text with the time left.
    returned(object)
        Return value of the generator; not after a cancel.
    failed(object)
        The exception that the generator raised.
    ended()
        The last signal, in any case.
    """

    yielded = Signal(object)
    progressed = Signal(float, str)
    returned = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(
        self,
        start: Callable[[], Generator[Any, None, Any]],
        title: str = "",
        report: Callable[[Any], Progress | None] = lambda event: None,
        *,
        every_event: bool = False,
    ) -> None:
        super().__init__()
        self.was_cancelled = False
        self.doing = ""
        self._title, self._report, self._every_event = title, report, every_event
        self._clock = Stopwatch()
        self._has_failed = self._is_started = self._is_over = self._is_moving = False
        self._bar: Any = _Bar(self._on_bar_cancelled, title) if title else None
        # every event of a training counts, but one Qt signal per event would flood the main thread
        self._worker = make_worker(start, title, bundled=every_event)
        self._worker.yielded.connect(self._on_yielded)
        self._worker.returned.connect(self._on_returned)
        self._worker.finished.connect(self._on_finished)

    def start(self) -> None:
        """Start; a job that was cancelled before does not start."""
        if not self.was_cancelled:
            self._is_started = True
            self._worker.start()

    @property
    def is_paused(self) -> bool:
        """Whether the job is paused, or will be at its next event."""
        return self._clock.is_paused

    @property
    def is_resting(self) -> bool:
        """Whether the thread is paused already."""
        return bool(self._worker.is_paused)

    def toggle_pause(self) -> None:
        """Pause, or resume."""
        if self.is_paused:
            self._clock.resume()
            self._worker.resume()
        else:
            self._clock.pause()
            self._worker.pause()

    def cancel(self) -> None:
        """Stop at the next event, a fraction of a second away."""
        self.was_cancelled = True
        if self._is_started:
            self._worker.quit()
        elif not self._is_over:
            self._on_finished()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the thread, before a window closes; return whether it has ended."""
        return self._is_started and self._worker.wait(seconds)

    def _on_bar_cancelled(self) -> None:
        """React to the cancel button in napari's activity dock."""
        self.cancel()

    @property
    def elapsed_s(self) -> float:
        """Return the working time so far, in seconds, without pauses."""
        return self._clock.elapsed_s()

    def fail(self, error: Exception) -> None:
        """Stop, because an event could not be shown; `failed` is emitted once."""
        if self._has_failed:
            return
        self._has_failed = True
        self._worker.quit()
        self.failed.emit(error)

    def _on_yielded(self, yielded: Any) -> None:
        # an error here would end nothing: the work would go on, under a text that stays for ever
        try:
            self._take(yielded)
        except Exception as error:
            self.fail(error)

    def _take(self, yielded: Any) -> None:
        if self._has_failed or (self.was_cancelled and not self._every_event):
            return
        progress = None
        for event in yielded if self._every_event else (yielded,):
            if isinstance(event, Failed):
                self._has_failed = True
                self.failed.emit(event.error)
                continue
            progress = self._progress_of(event) or progress
            self.yielded.emit(event)
        if progress is not None and not self.was_cancelled:
            self._show(progress)

    def _progress_of(self, event: Any) -> Progress | None:
        progress = self._report(event)
        if progress is not None and progress.restarts_clock:
            self._clock.restart()
        return progress

    def _show(self, progress: Progress) -> None:
        text = self.doing = progress.text
        timed = progress.timed_share
        left_s = None if timed is None else self._clock.left_s(timed)
        if is_compiling():
            text = f"{text}, {COMPILING}"  # so long, no time left is known
        elif left_s is not None:
            text = f"{text}, {format_duration(left_s)} left"
        self.progressed.emit(progress.share, text)
        # napari's bar lets events in while it moves. Those move it no further: where the window is
        # slower than the work, they would nest ever deeper.
        if self._bar is not None and not self._is_moving:
            self._is_moving = True
            try:
                self._bar.update(int(progress.share * _BAR_STEPS) - self._bar.n)
                if not self._is_over:
                    self._bar.set_description(f"{self._title}: {text}")
            finally:
                self._is_moving = False

    def _on_returned(self, returned: Any) -> None:
        if not self.was_cancelled and not self._has_failed:
            self.returned.emit(returned)

    def _on_finished(self) -> None:
        self._is_over = True
        if self._bar is not None:
            self._bar.close()
        self.ended.emit()


def format_duration(seconds: float) -> str:
    """Return a duration as text: "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return (
        f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    )


def abandon(job: Any) -> None:
    """Cancel work, if there is any, and hear nothing more of it: its panel is closed."""
    if job is not None:
        job.blockSignals(True)
        job.cancel()
