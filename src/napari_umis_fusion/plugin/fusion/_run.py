"""One fusion under way: its worker, its progress in words, pause and cancel."""

import time
from collections.abc import Callable, Generator
from typing import Any

from napari.utils import cancelable_progress
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.layers.events import LayerFinished, LayerProgress, LayerStarted
from napari_umis_fusion.plugin.widgets._worker import Failed, make_worker

_STEPS = 1000
"""Of the bar in napari's activity dock."""

_SURE_AFTER_S = 1.0


class Stopwatch:
    """Time that work takes, without its pauses, and what is left of it."""

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
        """Let it run on."""
        if self._paused_at is not None:
            self._begun += self._clock() - self._paused_at
            self._paused_at = None

    def elapsed_s(self) -> float:
        """Return the time worked so far."""
        now = self._clock() if self._paused_at is None else self._paused_at
        return now - self._begun

    def left_s(self, share: float) -> float | None:
        """Return how long the rest will take, or None while that is guesswork."""
        elapsed = self.elapsed_s()
        if elapsed < _SURE_AFTER_S or share <= 0.02:
            return None
        return elapsed * (1 - share) / share


class FusionRun(QObject):
    """A fusion in a thread of its own.

    Parameters
    ----------
    start : callable
        Returns the generator of `LayerEvent`; it is called in the thread.
    title : str
        What napari's activity dock calls it.

    Signals
    -------
    progressed(float, str)
        Share of the work behind, 0 to 1, and the same in words.
    succeeded(object)
        `LayerFinished`.
    failed(object)
        The exception.
    ended()
        Last of all, whatever happened.
    """

    progressed = Signal(float, str)
    succeeded = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, start: Callable[[], Generator[Any, None, Any]], title: str) -> None:
        super().__init__()
        self.was_cancelled = False
        self._watch, self._title = Stopwatch(), title
        self._bar: Any = cancelable_progress(total=_STEPS, desc=title)
        self._worker = make_worker(start)
        self._worker.yielded.connect(self._on_event)
        self._worker.finished.connect(self._on_finished)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    @property
    def is_paused(self) -> bool:
        """Whether work rests, or will at its next step."""
        return self._watch.is_paused

    def toggle_pause(self) -> None:
        """Pause, or go on."""
        if self.is_paused:
            self._watch.resume()
            self._worker.resume()
        else:
            self._watch.pause()
            self._worker.pause()

    def cancel(self) -> None:
        """Stop at the next step, a fraction of a second away; what was done is dropped."""
        self.was_cancelled = True
        self._worker.quit()

    def _on_event(self, event: Any) -> None:
        if self._bar.is_canceled and not self.was_cancelled:
            self.cancel()
        if self.was_cancelled:
            return
        if isinstance(event, LayerStarted):
            self.progressed.emit(0.0, "starting")
        elif isinstance(event, LayerProgress):
            text = in_words(event, self._watch.left_s(event.share))
            self._bar.update(int(event.share * _STEPS) - self._bar.n)
            self._bar.set_description(f"{self._title}: {text}")
            self.progressed.emit(event.share, text)
        elif isinstance(event, LayerFinished):
            self.succeeded.emit(event)
        elif isinstance(event, Failed):
            self.failed.emit(event.error)

    def _on_finished(self) -> None:
        self._bar.close()
        self.ended.emit()


def in_words(event: LayerProgress, left_s: float | None) -> str:
    """Say how far it is: "stack 2 of 10, plane 5 of 12, 14 s left"."""
    parts = [f"stack {event.stack + 1} of {event.stacks}"] if event.stacks > 1 else []
    plane = f"plane {min(event.done + 1, event.total)} of {event.total}"
    if event.stage == "aligning":
        parts.append(f"aligning {plane}")
    elif event.stage == "measuring":
        parts.append(plane)
    else:
        parts.append("checking the decision")
    if left_s is not None:
        parts.append(f"{duration_in_words(left_s)} left")
    return ", ".join(parts)


def duration_in_words(seconds: float) -> str:
    """Say how long: "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return (
        f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
    )
