"""Where frames arrive, from any thread, and wait for the fusion."""

import threading
from collections import Counter
from collections.abc import Generator, Mapping
from typing import Any

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.live._field import Field, Index, field_index, iter_count_planes
from napari_umis_fusion.live._frames import FieldFrames
from napari_umis_fusion.runtime import ScratchMemory
from napari_umis_fusion.stack import Calibration, Plane


class Inbox:
    """Frames of all fields, oldest first; every method may be called from any thread.

    Parameters
    ----------
    frames_mb : float
        Memory for frames; those beyond it are kept in temporary files.
    runs : int or None
        Runs to receive; None: until `close`.
    """

    def __init__(self, frames_mb: float, runs: int | None) -> None:
        self.frames, self.without_z = 0, 0
        self._notes: list[str] = []
        self._changed = threading.Condition()
        self._memory = ScratchMemory(frames_mb)
        self._runs, self._run = runs, -1
        self._is_running = self._is_last = self._is_closed = False
        self._sequence: Any = None
        self._expected: Counter[Index] | None = None
        self._pixel_size_um: float | None = None
        self._open: dict[Index, FieldFrames] = {}
        self._repeats: Counter[Index] = Counter()
        self._fields: list[FieldFrames] = []

    def start(self, sequence: Any = None, pixel_size_um: float | None = None) -> None:
        """Begin a run."""
        with self._changed:
            self._end_run()
            self._run, self._is_running = self._run + 1, True
            self._sequence, self._expected = sequence, None
            self._pixel_size_um = pixel_size_um or None
            self._repeats.clear()

    def add(
        self,
        plane: Any,
        index: Mapping[str, int],
        z_um: float | None = None,
        pixel_size_um: float | None = None,
    ) -> None:
        """Keep a copy of a frame; raises as `FieldFrames.add`, and marks the field as failed."""
        with self._changed:
            if self._is_closed or self._is_last:
                return
            if not self._is_running:
                self._run, self._is_running = self._run + 1, True
            self.frames += 1
            if "z" not in index:
                self.without_z += 1
                return
            frames = self._field(field_index(index), int(index["z"]))
            if frames.failure is not None:
                return
            frames.pixel_size_um = pixel_size_um or self._pixel_size_um
            self._changed.notify_all()
            try:
                frames.add(int(index["z"]), plane, z_um)
            except (UmisFusionError, OSError, MemoryError) as error:
                self._complete(frames, str(error))
                raise

    def end_run(self) -> None:
        """End the run: what has arrived is all there is of it."""
        with self._changed:
            self._end_run()

    def finish(self) -> None:
        """End the run, and expect no other."""
        with self._changed:
            self._is_last = True
            self._end_run()

    def close(self) -> None:
        """Discard all frames, and take no more."""
        with self._changed:
            self._is_closed = True
            self._end_run()
            for frames in self._fields:
                frames.close()
            self._fields.clear()
            self._memory.__exit__(None, None, None)

    def wait(self, seconds: float) -> None:
        """Wait until something arrives, at most so long."""
        with self._changed:
            self._changed.wait(seconds)

    def iter_count(self) -> Generator[None]:
        """Count the planes that the run will have, once, yielding after some events of it."""
        with self._changed:
            sequence, run = self._sequence, self._run
            if sequence is None or self._expected is not None:
                return
        # Without the lock: a long run has many events, and frames must not wait for them.
        counted = yield from iter_count_planes(sequence)
        with self._changed:
            if self._run == run:
                self._expected = counted

    def fields(self) -> list[FieldFrames]:
        """Return the fields that are not done yet, oldest first."""
        with self._changed:
            self._close_complete()
            return list(self._fields)

    def planes_of(self, field: Field) -> int | None:
        """Return the number of planes that a field will have; None if nobody knows."""
        with self._changed:
            return self._planes_of(field)

    def take(self, frames: FieldFrames) -> tuple[int, Plane, float] | None:
        """Return number, values and time of arrival of the oldest plane that waits, if any."""
        with self._changed:
            return frames.take()

    def calibration(self, frames: FieldFrames) -> Calibration:
        """Return physical sizes of a field that may still grow."""
        with self._changed:
            return frames.calibration()[0]

    def note(self, note: str) -> None:
        """Add a note for the user, once."""
        with self._changed:
            if note not in self._notes:
                self._notes.append(note)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user."""
        with self._changed:
            notes = list(self._notes)
            if self.without_z:
                notes.append(
                    f"{self.without_z} frames belong to no z-stack (they have no index z), and "
                    "were not fused"
                )
            return tuple(notes)

    def remove(self, frames: FieldFrames) -> None:
        """Discard a field that is done."""
        with self._changed:
            if frames in self._fields:
                self._fields.remove(frames)
            frames.close()

    @property
    def is_over(self) -> bool:
        """Whether no frame will arrive any more."""
        with self._changed:
            if self._is_closed or self._is_last:
                return True
            return self._runs is not None and not self._is_running and self._run + 1 >= self._runs

    @property
    def run(self) -> int:
        """Number of the run that is received, or was last; 0 before the first."""
        with self._changed:
            return max(self._run, 0)

    @property
    def behind(self) -> int:
        """Frames that are in no picture yet."""
        with self._changed:
            return sum(len(frames.waiting) for frames in self._fields)

    @property
    def on_disk(self) -> bool:
        """Whether any frame is kept in a file."""
        with self._changed:
            return any(frames.on_disk for frames in self._fields)

    def _field(self, index: Index, z: int) -> FieldFrames:
        """Return the field that plane `z` belongs to: a new one if it has that plane already."""
        frames = self._open.get(index)
        if frames is not None and z in frames:
            self._complete(frames)
            frames = None
        if frames is None:
            frames = FieldFrames(Field(index, self._repeats[index], self._run), self._memory)
            self._repeats[index] += 1
            self._open[index] = frames
            self._fields.append(frames)
        return frames

    def _complete(self, frames: FieldFrames, failure: str | None = None) -> None:
        frames.is_complete, frames.failure = True, failure
        index = frames.field.index
        # A failed field stays open, to receive what must not become a field of its own.
        if failure is None and self._open.get(index) is frames:
            del self._open[index]

    def _end_run(self) -> None:
        self._close_complete()
        for frames in list(self._open.values()):
            self._complete(frames, frames.failure)
        self._open.clear()
        self._is_running = False
        self._changed.notify_all()

    def _close_complete(self) -> None:
        for frames in list(self._open.values()):
            expected = self._planes_of(frames.field)
            if expected is not None and len(frames) >= expected and frames.failure is None:
                self._complete(frames)

    def _planes_of(self, field: Field) -> int | None:
        if self._expected is None or field.run != self._run:
            return None
        return self._expected.get(field.index)
