"""A stack as a second look takes it, once its planes are judged."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._gaps import Gaps
from napari_umis_fusion.preprocess.health._moving_parts import MovingParts
from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth
from napari_umis_fusion.preprocess.health._specks import Specks
from napari_umis_fusion.preprocess.health._stand_in import Likeness
from napari_umis_fusion.stack import CheckedPlane, Plane, Stack

Mask = NDArray[np.bool_]


class SoundStack(Likeness):
    """A stack that shows nothing where its planes are not sound.

    Parameters
    ----------
    stack : Stack
        As it is in place.
    healths : sequence of PlaneHealth
        One for each plane.
    specks : mapping of int to Specks
        The specks of planes, which count for nothing.
    moving : MovingParts, optional
        Parts of planes that do not count.
    gaps : Gaps
        Of its planes, as far as somebody has found them.
    scales : bool
        Whether planes that are exposed otherwise are scaled; else values stay as recorded.
    """

    def __init__(
        self,
        stack: Stack,
        healths: Sequence[PlaneHealth],
        specks: Mapping[int, Specks],
        moving: MovingParts | None,
        gaps: Gaps,
        *,
        scales: bool,
    ) -> None:
        super().__init__(stack)
        self._specks, self._moving = specks, moving
        self._healths, self._gaps, self._scales = healths, gaps, scales

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return self._put_right(self._healths[z], self.stack.plane(z))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`."""
        part = self.stack.region(z, rows, columns)
        return self._put_right(self._healths[z].within(*self._ends(rows, columns)), part)

    def _put_right(self, health: PlaneHealth, values: Plane) -> Plane:
        return health.scaled(values) if self._scales else health.in_order(values)

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> Mask | None:
        """Return where plane `z`, or a rectangle of it, shows nothing; see `Stack.uncovered`."""
        rows, columns = self._ends(rows, columns)
        size = rows.stop - rows.start, columns.stop - columns.start
        health, missing = self._healths[z], self.stack.uncovered(z, rows, columns)
        if health.is_left_out:
            return np.ones(size, np.bool_)
        if len(self._specks.get(z, ())):
            specks = self._specks[z].within(rows, columns, self.shape[2])
            missing = _either(missing, specks.mask(size))
        if self._moving is not None:
            missing = _either(missing, self._moving.mask(z, self.shape[1:], rows, columns))
        if health.is_whole:
            return missing
        gaps = self._gaps.within(health, self.stack.plane, rows, columns)
        part = self.stack.region(z, rows, columns)
        return _either(missing, health.within(rows, columns).unusable(part, gaps))


def screened(reading: CheckedPlane, health: PlaneHealth, gaps: Mask | None = None) -> CheckedPlane:
    """Return a plane as it competes: scaled, and without what is torn or clipped.

    Of a part of one, `gaps` tells where it was not written; see `PlaneHealth.unusable`.
    """
    if health.is_sound:
        return reading
    invalid = _either(reading.invalid, health.unusable(reading.plane, gaps))
    if invalid is not None and not invalid.any():
        invalid = None
    return CheckedPlane(health.scaled(reading.plane), invalid, borrows=True)


def _either(one: Mask | None, other: Mask | None) -> Mask | None:
    known = [mask for mask in (one, other) if mask is not None]
    return np.logical_or.reduce(known) if known else None
