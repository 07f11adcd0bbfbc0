"""The frames of one field, as they arrive: in memory as long as there is some, then on disk."""

import time
from collections import deque
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.live._field import Field
from napari_umis_fusion.runtime import ScratchMemory
from napari_umis_fusion.stack import Calibration, Plane, Stack, spacing_of, stack_of_arrays


class FieldFrames:
    """The frames of one field.

    Its methods are called under the lock of whoever shares it between threads.

    Parameters
    ----------
    field : Field
        Which.
    memory : ScratchMemory
        Memory for the frames of all fields.
    """

    def __init__(self, field: Field, memory: ScratchMemory) -> None:
        self.field = field
        self.pixel_size_um: float | None = None
        self.is_complete = False
        self.failure: str | None = None
        self.waiting: deque[int] = deque()
        self._memory = memory.part()
        self._planes: dict[int, Plane] = {}
        self._z_um: dict[int, float | None] = {}
        self._arrived_s: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._planes)

    def __contains__(self, z: int) -> bool:
        return z in self._planes

    @property
    def on_disk(self) -> bool:
        """Whether any frame is kept in a file."""
        return self._memory.on_disk

    def add(self, z: int, plane: Any, z_um: float | None) -> None:
        """Keep a copy of plane `z`.

        Raises
        ------
        StackError
            If its shape or dtype differs from that of the planes before.
        DeviceError
            If there is no room for it, in memory or on disk.
        """
        plane = np.asarray(plane)
        first = self.first()
        if first is not None and (plane.shape, plane.dtype) != (first.shape, first.dtype):
            raise StackError(
                f"plane {z} of {self.field.name} is {plane.shape} {plane.dtype}, but those before "
                f"it are {first.shape} {first.dtype}; accepted are planes of one size and type. "
                "Keep camera, region and binning as they are during a sweep."
            )
        # The camera may use its buffer again.
        kept = self._memory.full(plane.shape, plane.dtype, 0)
        kept[...] = plane
        self._planes[z], self._z_um[z] = kept, z_um
        self._arrived_s[z] = time.monotonic()
        self.waiting.append(z)

    @property
    def arrived_s(self) -> float:
        """When the latest plane arrived, on the monotonic clock."""
        return max(self._arrived_s.values(), default=time.monotonic())

    def take(self) -> tuple[int, Plane, float] | None:
        """Return the number, values and time of arrival of the oldest plane that waits."""
        if not self.waiting:
            return None
        z = self.waiting.popleft()
        return z, self._planes[z], self._arrived_s[z]

    def find(self, z: int) -> Plane | None:
        """Return plane `z`; None if it has not arrived."""
        return self._planes.get(z)

    def has_until(self, z: int) -> bool:
        """Whether all planes up to `z` have arrived, and those after it in order."""
        return all(known in self._planes for known in range(max(z + 1, len(self._planes))))

    def first(self) -> Plane | None:
        """Return the first plane that arrived."""
        return next(iter(self._planes.values()), None)

    def missing(self) -> list[int]:
        """Return the planes between the first and the last that never arrived."""
        known = sorted(self._planes)
        return sorted(set(range(known[0], known[-1] + 1)) - set(known)) if known else []

    def calibration(self) -> tuple[Calibration, tuple[str, ...]]:
        """Return physical sizes as far as they are known, and notes on them."""
        heights = [self._z_um[z] for z in sorted(self._planes)]
        known = [height for height in heights if height is not None]
        spacing = spacing_of(known if len(known) == len(heights) else [])
        side = self.pixel_size_um
        sizes = Calibration(spacing.step_um, side, side, spacing.positions_um)
        return sizes, spacing.notes

    def stack(self) -> Stack:
        """Return the planes in focal order."""
        stack = stack_of_arrays([self._planes[z] for z in sorted(self._planes)])
        stack.calibration, _ = self.calibration()
        return stack

    def close(self) -> None:
        """Discard the frames, and their files."""
        self._planes.clear()
        self.waiting.clear()
        self._memory.__exit__(None, None, None)
