"""One run that is being taken, kept and fused at once."""

import time
from collections.abc import Generator
from typing import Any

from napari_umis_fusion.errors import LiveError, StackFileError, UmisFusionError
from napari_umis_fusion.live._early_stop import EarlyStop
from napari_umis_fusion.live._fusion_loop import PATIENCE_S
from napari_umis_fusion.live._guarded_engine import GuardedEngine
from napari_umis_fusion.live._keep import RunFolder
from napari_umis_fusion.live._live_events import (
    FieldFailed,
    FieldFinished,
    LiveEvent,
    LiveSummary,
    LiveWaiting,
)
from napari_umis_fusion.live._live_fusion import LiveFusion
from napari_umis_fusion.live._microscope_run import MicroscopeRun
from napari_umis_fusion.live._safe_state import StageState
from napari_umis_fusion.live._sweep_plan import SweepPlan


class Taking:
    """One run.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    sequence : useq.MDASequence
        What is taken.
    live : LiveFusion
        Fuses it.
    sweep : SweepPlan
        Whether it stops early, and how long the stage settles.
    folder : RunFolder or None
        Keeps it.
    """

    def __init__(
        self,
        core: Any,
        sequence: Any,
        live: LiveFusion,
        sweep: SweepPlan,
        folder: RunFolder | None,
    ) -> None:
        self._core, self._live, self._folder = core, live, folder
        self._frames = 0
        self._stop: EarlyStop | None = None
        if sweep.stop_after:
            self._stop = EarlyStop(live, sweep.stop_after, sweep.covered_um)
        writes = folder is not None and not folder.collects
        engine = GuardedEngine(
            core.mda.engine,
            live,
            settle_ms=sweep.settle_ms,
            stop=self._stop,
            open_file=folder.open_file if folder is not None and writes else None,
        )
        self._engine = engine
        self._run = MicroscopeRun(core, sequence, engine)
        self.was_canceled = False

    @property
    def skipped(self) -> int:
        """Planes that were not needed."""
        return 0 if self._stop is None else self._stop.skipped

    def iter_events(self) -> Generator[LiveEvent, None, LiveSummary]:
        """Take, keep and fuse, until all of it is done."""
        steps = self._live.events()
        self._run.start()
        try:
            while True:
                # Asked before the step: what arrived until then is seen by it.
                if not self._run.is_alive:
                    self._live.finish()
                try:
                    event = next(steps)
                except StopIteration as end:
                    summary: LiveSummary = end.value
                    break
                if self._folder is not None and isinstance(event, FieldFinished | FieldFailed):
                    self._folder.add(event)
                yield event
        finally:
            steps.close()
        while self._run.is_alive:
            yield LiveWaiting(summary.frames, 0, on_disk=False)
            time.sleep(PATIENCE_S)
        self._frames = summary.frames
        return summary

    def end(self, before: StageState, *, moves: bool) -> tuple[str, ...]:
        """End the run, if it is not over; returns what could not be left as it should be."""
        was_alive = self._run.is_alive
        has_ended = self._run.stop()
        self._live.close()
        reason = self._core.mda.status.finish_reason
        self.was_canceled = was_alive or getattr(reason, "value", "") == "canceled"
        notes = tuple(self._engine.notes)
        notes += before.restore(self._core, moves=moves) if has_ended else ()
        if not has_ended:
            notes += ("a device does not answer: the microscope may still be moving",)
        if self._folder is not None:
            notes += self._describe(self._folder, notes)
        return notes

    def _describe(self, folder: RunFolder, notes: tuple[str, ...]) -> tuple[str, ...]:
        """Write how the run ended; returns why that was not possible."""
        folder.forget_missing()
        state = "stopped before its end" if self.was_canceled else "complete"
        try:
            folder.describe(self._run.failure() or state, notes)
        except StackFileError as error:  # a full disk must not hide what else happened
            return (str(error),)
        return ()

    def check(self) -> None:
        """Raise what ended the run before its time.

        Raises
        ------
        LiveError
            If a device failed.
        UmisFusionError
            As files and engines raise it.
        """
        error, why = self._run.error, self._run.failure()
        if error is None or isinstance(error, UmisFusionError):
            if error is not None:
                raise error
            return
        where = "" if self._folder is None else f" and is in {self._folder.path}"
        safe = f"What was taken until then is fused{where}. " if self._frames else ""
        raise LiveError(
            f"the run ended after {self._frames} frames: {why}. {safe}Check the device and its "
            "cable, then start again."
        ) from error
