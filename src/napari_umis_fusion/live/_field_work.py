"""The fusion of one field: pictures while its planes arrive, and the result once all are there."""

import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import replace

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError, UmisFusionError
from napari_umis_fusion.fusion import (
    Finished,
    FusionResult,
    GrowingFusion,
    GrowingPicture,
    iter_fuse,
    preview_lacks,
)
from napari_umis_fusion.live._arriving_stack import ArrivingStack
from napari_umis_fusion.live._field import Field
from napari_umis_fusion.live._frames import FieldFrames
from napari_umis_fusion.live._live_events import (
    FieldFailed,
    FieldFinished,
    FieldProgress,
    FieldStarted,
    FieldUpdated,
)
from napari_umis_fusion.runtime import HEARTBEAT_S, Progress, ScratchMemory, Workers
from napari_umis_fusion.stack import Calibration, Plane, Stack

FieldEvent = FieldStarted | FieldUpdated | FieldProgress | FieldFinished | FieldFailed

MEASURING_SHARE = 0.9
"""Share of a fusion that is measuring; roughly, for a progress bar."""


class FieldWork:
    """The fusion of one field.

    Parameters
    ----------
    frames : FieldFrames
        Its frames, which go on arriving.
    config : FusionConfig
        How to fuse.
    refresh_s : float
        Shortest time between two pictures.
    memory : ScratchMemory
        Memory of the whole live fusion.
    pool : Workers
        Threads for the pictures; the fusion has its own.
    """

    def __init__(
        self,
        frames: FieldFrames,
        config: FusionConfig,
        refresh_s: float,
        memory: ScratchMemory,
        pool: Workers,
    ) -> None:
        self.frames, self._config, self._refresh_s = frames, config, refresh_s
        self._memory, self._pool = memory, pool
        self._growing_memory = memory.part()
        self._growing: GrowingFusion | None = None
        self._has_preview = True
        self._is_shown = True
        self._shown_s = -refresh_s
        self._latest_s = 0.0
        self.picture: GrowingPicture | None = None
        self.gains: list[float] = []

    @property
    def field(self) -> Field:
        """Which field it is."""
        return self.frames.field

    def started(self, plane: Plane, planes: int | None) -> FieldStarted:
        """Return the first event."""
        return FieldStarted(self.field, plane.shape, planes, preview_lacks(self._config))

    def iter_add(self, z: int, plane: Plane, arrived_s: float) -> Generator[None]:
        """Add a plane to the picture, yielding every 50 ms."""
        if not self._has_preview:
            return
        try:
            if self._growing is None:
                memory = self._growing_memory
                self._growing = GrowingFusion(plane, self._config, memory, self._pool)
            yield from self._growing.iter_add(plane, z)
        except UmisFusionError:
            # What is wrong with the planes, the fusion of all of them will say.
            self._has_preview = False
            return
        self.gains.append(self._growing.gained)
        self._latest_s, self._is_shown = arrived_s, False

    def iter_update(
        self, planes: int | None, calibration: Calibration
    ) -> Generator[FieldUpdated | None]:
        """Make a picture if there is news and it is time; yields None while it waits."""
        is_due = time.monotonic() - self._shown_s >= self._refresh_s
        if self._growing is None or self._is_shown or not is_due:
            return
        picture = yield from self._growing.iter_picture()
        self.picture, self._is_shown, self._shown_s = picture, True, time.monotonic()
        latency_s = self._shown_s - self._latest_s
        yield FieldUpdated(self.field, picture, planes, calibration, latency_s)

    def may_begin(self, planes: int | None) -> bool:
        """Whether the fusion can begin before all planes are there.

        The range of grey comes from the middle plane; alignment, illumination and the search for
        what moves need all planes before they can tell anything.
        """
        config, frames = self._config, self.frames
        needs_all = config.aligns or config.corrects_illumination or config.moving == "reject"
        if planes is None or planes < 2 or needs_all or frames.failure is not None:
            return False
        return frames.has_until(planes // 2)

    def iter_fuse(self, planes: int | None) -> Generator[FieldEvent]:
        """Fuse all planes as their saved stack would be; ends with the result or its failure."""
        result: FusionResult | None = None
        try:
            if not self.frames.is_complete and planes is not None:
                result = yield from self._iter_ahead(planes)
            self._end_preview()
            if not len(self.frames) and self.frames.failure is None:
                return  # everything was discarded meanwhile
            if self.frames.failure is not None:
                raise StackError(self.frames.failure)
            stack = self.frames.stack()
            if result is None:
                result = yield from self._iter_result(stack)
            result = replace(result, calibration=stack.calibration)
        except Exception as error:
            known = isinstance(error, UmisFusionError | OSError)
            why = str(error) if known else f"{type(error).__name__}: {error}"
            yield FieldFailed(self.field, f"{self.field.name} cannot be fused: {why}")
            return
        seconds = time.monotonic() - self.frames.arrived_s
        yield FieldFinished(self.field, result, stack, self._notes(planes), seconds)

    def _end_preview(self) -> None:
        """Free the maps of the preview for those of the fusion."""
        self._growing, self._has_preview = None, False
        self._growing_memory.__exit__(None, None, None)

    def _iter_ahead(self, planes: int) -> Generator[FieldEvent, None, FusionResult | None]:
        """Fuse planes as they arrive; returns None if one that was expected never did."""
        frames, first = self.frames, self.frames.stack()
        shape = (planes, *first.shape[1:])
        over = lambda: frames.is_complete  # noqa: E731
        stack = ArrivingStack(shape, first.dtype, rgb=first.rgb, find=frames.find, is_over=over)
        try:
            return (yield from self._iter_result(stack, stack.close))
        except StackError:
            if not stack.is_short:
                raise
            while not frames.is_complete:
                yield FieldProgress(self.field, 0.0)
                time.sleep(HEARTBEAT_S)
            return None

    def _iter_result(
        self, stack: Stack, before_end: Callable[[], object] = lambda: None
    ) -> Generator[FieldEvent, None, FusionResult]:
        steps = iter_fuse(stack, self._config, workspace=self._memory)
        try:
            with warnings.catch_warnings():
                # One plane is the plan of some fields, such as a channel without a z-stack.
                warnings.simplefilter("ignore", UserWarning)
                next(steps)
            for event in steps:
                if isinstance(event, Finished):
                    return event.result
                if isinstance(event, Progress):
                    yield FieldProgress(self.field, _share(event))
        finally:
            before_end()  # nobody may wait for a plane while threads are waited for
            steps.close()
        raise AssertionError("a fusion ends with Finished")

    def _notes(self, planes: int | None) -> tuple[str, ...]:
        """Say what happened to the planes."""
        _, notes = self.frames.calibration()
        if planes is not None and len(self.frames) < planes:
            notes = (*notes, f"{len(self.frames)} of {planes} planes arrived")
        missing = self.frames.missing()
        if missing:
            listed = ", ".join(map(str, missing[:10])) + (" ..." if len(missing) > 10 else "")
            notes = (*notes, f"between others, planes {listed} never arrived")
        return notes


def _share(event: Progress) -> float:
    part = event.done / max(event.total, 1)
    done = {"aligning": 0.0, "measuring": 0.0, "verifying": MEASURING_SHARE}[event.stage]
    weight = 1 - MEASURING_SHARE if event.stage == "verifying" else MEASURING_SHARE
    return done + weight * part
