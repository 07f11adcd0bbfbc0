"""One small job at a time: a newer one replaces an older one."""

import contextlib
from collections.abc import Callable, Generator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_umis_fusion.plugin.widgets._job import Job, Progress

_DELAY_MS = 300
"""While a user turns a spin box, jobs in between are not worth starting."""


class LatestJob(QObject):
    """Runs generators in a thread; only the newest counts.

    Parameters
    ----------
    delay_ms : int
        A job starts after this time without a newer one.
    report : callable, optional
        Returns the `Progress` of an event, or None.

    Signals
    -------
    progressed(float, str)
        Share of the newest job that is done, 0 to 1, and a text.
    done(object)
        Return value of the newest job.
    failed(object)
        Exception of the newest job.
    """

    progressed = Signal(float, str)
    done = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        delay_ms: int = _DELAY_MS,
        report: Callable[[Any], Progress | None] = lambda event: None,
    ) -> None:
        super().__init__()
        self._start: Callable[[], Generator[Any, None, Any]] | None = None
        self._job: Job | None = None
        self._report = report
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_ms)
        self._timer.timeout.connect(self._begin)

    @property
    def is_busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._job is not None or self._timer.isActive()

    def submit(self, start: Callable[[], Generator[Any, None, Any]]) -> None:
        """Run this job unless a newer one is submitted within the delay; cancel older ones."""
        self._start = start
        if self._job is not None:
            self._job.cancel()
        self._timer.start()

    def cancel(self) -> None:
        """Cancel the running and the waiting job."""
        self._start = None
        with contextlib.suppress(RuntimeError):  # at exit Qt may have deleted it already
            self._timer.stop()
        if self._job is not None:
            self._job.cancel()

    def _begin(self) -> None:
        if self._start is None or self._job is not None:  # wait for the older one to end
            return
        start, self._start = self._start, None
        # without a title: small jobs do not appear in napari's activity dock
        self._job = Job(start, report=self._report)
        self._job.progressed.connect(self.progressed)
        self._job.returned.connect(self.done)
        self._job.failed.connect(self.failed)
        self._job.ended.connect(self._on_ended)
        self._job.start()

    def _on_ended(self) -> None:
        self._job = None
        if self._start is not None:
            self._timer.start()
