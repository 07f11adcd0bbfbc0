"""Planes that are looked at before they are fused, each read once for both."""

from threading import Lock
from typing import TYPE_CHECKING

from napari_umis_fusion.alignment import AlignedStack
from napari_umis_fusion.preprocess.fixed_pattern import PlaneSamples
from napari_umis_fusion.runtime import BoolMap
from napari_umis_fusion.stack import Lighting, Plane, Stack

if TYPE_CHECKING:
    from napari_umis_fusion.preprocess import GreyRange


class KeptPlanes(Stack):
    """All of another stack; keeps planes that are read too early, and samples of some.

    Range of grey, mosaic and fixed pattern are looked for in planes that lie all over the stack,
    before the first one is fused. What they read is handed out again when its turn comes.

    Parameters
    ----------
    stack : Stack
        Planes as the sensor recorded them.

    Attributes
    ----------
    samples : PlaneSamples
        Tiles of the planes that tell of the sensor, as far as somebody has read these.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._describe_as(stack)
        self.alignment, self.window = stack.alignment, stack.window
        self.holds_values, self.is_arriving = stack.holds_values, stack.is_arriving
        self.samples = PlaneSamples(stack.shape, stack.dtype)
        self._lock = Lock()
        self._most = 0
        self._planes: dict[int, Plane] = {}
        self._missing: dict[int, BoolMap | None] = {}

    def keep(self, most: int) -> None:
        """Keep up to so many of the planes that are read from now on."""
        self._most = most

    def hand_out(self, first: int) -> None:
        """Keep no more planes, forget those before `first`, and any other once it is read."""
        with self._lock:
            self._most = 0
            for z in [z for z in self._planes if z < first]:
                del self._planes[z], self._missing[z]
        self.samples.forget()

    def plane(self, z: int) -> Plane:
        """Read plane `z`, unless it was kept."""
        with self._lock:
            is_late = self._most == 0
            kept = self._planes.pop(z, None) if is_late else self._planes.get(z)
        return self._read(z) if kept is None else kept

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`; of a plane that is to be kept, all of it."""
        if _is_whole(self, rows, columns):
            return self.plane(z)
        if z in self._planes or len(self._planes) < self._most:
            return super().region(z, rows, columns)
        return self._stack.region(z, rows, columns)

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        """Return where plane `z` shows nothing; see `Stack.uncovered`."""
        with self._lock:
            if z in self._missing:
                # It is asked for after the plane.
                kept = self._missing[z] if z in self._planes else self._missing.pop(z)
                return None if kept is None else kept[rows, columns]
        return self._stack.uncovered(z, rows, columns)

    def lighting(
        self, grey_range: "GreyRange", rows: slice = slice(None), columns: slice = slice(None)
    ) -> Lighting | None:
        """Return the correction of illumination; see `Stack.lighting`."""
        return self._stack.lighting(grey_range, rows, columns)

    def _read(self, z: int) -> Plane:
        plane = self._stack.plane(z)
        is_kept, is_sampled = len(self._planes) < self._most, self.samples.lacks(z)
        if not (is_kept or is_sampled):
            return plane
        missing = self._stack.uncovered(z)
        if is_sampled:
            self.samples.add(z, plane, missing)
        with self._lock:
            if len(self._planes) < self._most:
                self._planes[z], self._missing[z] = plane, missing
        return plane


def with_kept_planes(stack: Stack) -> tuple[Stack, KeptPlanes]:
    """Return a stack that keeps what is recorded, and what keeps it."""
    if isinstance(stack, AlignedStack):
        kept = KeptPlanes(stack.recorded)
        return stack.over(kept), kept
    kept = KeptPlanes(stack)
    return kept, kept


def _is_whole(stack: Stack, rows: slice, columns: slice) -> bool:
    sides = zip((rows, columns), stack.shape[1:3], strict=True)
    return all(part.indices(side) == (0, side, 1) for part, side in sides)
