"""A run of pymmcore-plus on a thread of its own, whose errors are kept for whoever started it."""

import threading
import time
from typing import Any

from napari_umis_fusion.live._guarded_engine import GuardedEngine
from napari_umis_fusion.live._run_file import why

GIVE_UP_S = 10.0
"""Longest wait for a device that does not answer, once the run is abandoned."""


class MicroscopeRun:
    """One run.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    events : useq.MDASequence
        What to do.
    engine : GuardedEngine
        Does it, and hands the frames on.

    Attributes
    ----------
    error : Exception or None
        What ended it.
    """

    def __init__(self, core: Any, events: Any, engine: GuardedEngine) -> None:
        self._core, self._events, self._engine = core, events, engine
        self.error: Exception | None = None
        # A device that never answers must not keep the program from ending.
        self._thread = threading.Thread(target=self._do, name="umis-fusion-run", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it is still running."""
        return self._thread.is_alive()

    def stop(self) -> bool:
        """End it after the plane that is being taken; returns whether it ended in time."""
        self._engine.abandoned.set()
        until = time.monotonic() + GIVE_UP_S
        while self._thread.is_alive() and time.monotonic() < until:
            # Again and again: a run that is only preparing takes no notice.
            self._core.mda.cancel()
            self._thread.join(0.05)
        return not self._thread.is_alive()

    def _do(self) -> None:
        mda = self._core.mda
        own = mda.set_engine(self._engine)
        try:
            mda.run(self._events)
        except Exception as error:
            self.error = error
        finally:
            self._close_file()
            mda.set_engine(own)

    def _close_file(self) -> None:
        if self._engine.file is None:
            return
        try:
            self._engine.file.close()
        except Exception as error:
            self.error = self.error or error

    def failure(self) -> str | None:
        """Return what ended the run in words; None if nothing did."""
        return None if self.error is None else why(self.error)
