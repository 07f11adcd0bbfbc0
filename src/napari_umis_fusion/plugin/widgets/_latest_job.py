"""One small job at a time in a thread: a newer one takes the place of an older."""

from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_umis_fusion.plugin.widgets._worker import Failed, make_worker

_PATIENCE_MS = 300


class LatestJob(QObject):
    """Runs generators in a thread, of which only the newest counts.

    Parameters
    ----------
    delay_ms : int
        How long nothing newer must be asked for before a job begins.

    Signals
    -------
    done(object)
        What the newest job returned.
    failed(object)
        What it raised instead.
    """

    done = Signal(object)
    failed = Signal(object)

    def __init__(self, delay_ms: int = _PATIENCE_MS) -> None:
        super().__init__()
        self._start: Callable[[], Generator[Any, None, Any]] | None = None
        self._worker: Any = None
        self._error: Exception | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_ms)
        self._timer.timeout.connect(self._begin)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._worker is not None or self._timer.isActive()

    def ask(self, start: Callable[[], Generator[Any, None, Any]]) -> None:
        """Run this job as soon as nothing newer is asked for; older ones are dropped."""
        self._start = start
        if self._worker is not None:
            self._worker.quit()
        self._timer.start()

    def cancel(self) -> None:
        """Drop what runs and what waits."""
        self._start = None
        self._timer.stop()
        if self._worker is not None:
            self._worker.quit()

    def _begin(self) -> None:
        if self._start is None or self._worker is not None:  # the older one ends first
            return
        start, self._start, self._error = self._start, None, None
        self._worker = make_worker(start)
        self._worker.returned.connect(self._on_returned)
        self._worker.yielded.connect(self._on_event)
        self._worker.finished.connect(self._on_finished)
        self._worker.start()

    def _on_event(self, event: Any) -> None:
        self._error = event.error if isinstance(event, Failed) else None

    def _on_returned(self, returned: Any) -> None:
        if self._start is not None or self._worker.abort_requested:
            return
        if self._error is not None:
            self.failed.emit(self._error)
        else:
            self.done.emit(returned)

    def _on_finished(self) -> None:
        self._worker = None
        if self._start is not None:
            self._timer.start()
