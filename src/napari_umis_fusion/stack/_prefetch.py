"""Reading of planes: one ahead of the computation, each checked against its stack."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.config import NanPolicy
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import BoolMap, FloatMap, Workers
from napari_umis_fusion.stack._stack import Plane, Stack


@dataclass(frozen=True, slots=True)
class CheckedPlane:
    """A plane whose shape, dtype and values were checked.

    Attributes
    ----------
    plane : ndarray of shape (Y, X) or (Y, X, C)
        C-contiguous, in native byte order.
    invalid : ndarray of shape (Y, X), bool, or None
        True where a channel is NaN or infinite, or the plane shows nothing; None if nowhere.
    borrows : bool
        Whether what the plane before shows is the best guess at what it would show there.
    holds_values : bool
        Whether the values there count for the focus of what is around; else they are replaced.
    """

    plane: Plane
    invalid: BoolMap | None
    borrows: bool = False
    holds_values: bool = False

    @property
    def unknown(self) -> BoolMap | None:
        """Where the values mean nothing; None if nowhere."""
        return None if self.holds_values else self.invalid

    def part(self, rows: slice, columns: slice) -> "CheckedPlane":
        """Return a copy of a rectangle, which lets go of the rest."""
        window = rows, columns
        invalid = None if self.invalid is None else self.invalid[window].copy()
        if invalid is not None and not invalid.any():
            invalid = None
        return CheckedPlane(self.plane[window].copy(), invalid, self.borrows, self.holds_values)

    def without(self, part: BoolMap | None) -> "CheckedPlane":
        """Return the plane without a part of shape (Y, X), bool, which others show better."""
        if part is None:
            return self
        invalid = part if self.invalid is None else part | self.invalid
        return CheckedPlane(self.plane, invalid, borrows=True)


def read_plane(stack: Stack, z: int, nan_policy: NanPolicy) -> CheckedPlane:
    """Read plane `z` of a stack.

    Raises
    ------
    StackError
        If the plane differs from the stack in shape or dtype, or holds NaN or infinite values
        while `nan_policy` is "raise".
    """
    # Contiguous, since kernels would be compiled again for other layouts.
    plane = np.ascontiguousarray(stack.plane(z))
    if plane.shape != stack.shape[1:] or plane.dtype != stack.dtype:
        msg = (
            f"plane {z} has shape {plane.shape} and dtype {plane.dtype}; accepted are those of "
            f"the stack, {stack.shape[1:]} and {stack.dtype}. Check how the stack reads its planes."
        )
        raise StackError(msg)
    parts = (_find_invalid(plane, z, nan_policy), stack.uncovered(z))
    known = [part for part in parts if part is not None]
    invalid = np.logical_or.reduce(known) if known else None
    return CheckedPlane(plane, invalid, holds_values=stack.holds_values and parts[0] is None)


class Prefetch:
    """Reads the planes of a stack in order, each while the previous one is processed.

    Parameters
    ----------
    stack : Stack
        Source of the planes.
    nan_policy : {"raise", "ignore"}
        What to do with NaN and infinite values.
    workers : Workers
        Threads, one of which reads.
    """

    def __init__(self, stack: Stack, nan_policy: NanPolicy, workers: Workers) -> None:
        self._stack = stack
        self._nan_policy = nan_policy
        self._workers = workers
        self._count = 0
        self._read()

    def iter_next(self) -> Generator[None, None, CheckedPlane]:
        """Wait for the next plane and start to read the one after it; raises as `read_plane`."""
        checked = yield from self._workers.result(self._upcoming)
        if self._count < len(self._stack):
            self._read()
        return checked

    def _read(self) -> None:
        z, policy = self._count, self._nan_policy
        self._upcoming = self._workers.submit(read_plane, self._stack, z, policy)
        self._count += 1


def fill_invalid(grey: FloatMap, invalid: BoolMap) -> None:
    """Replace each invalid pixel by the nearest valid one, so that no edges appear."""
    from scipy.ndimage import distance_transform_edt

    # There is no valid pixel to copy from.
    if invalid.all():
        grey[...] = 0
        return
    nearest: Any = distance_transform_edt(invalid, return_distances=False, return_indices=True)
    grey[invalid] = grey[tuple(axis[invalid] for axis in nearest)]


def _find_invalid(plane: Plane, z: int, nan_policy: NanPolicy) -> BoolMap | None:
    # Integers are always finite.
    if plane.dtype.kind != "f":
        return None
    finite = np.isfinite(plane)
    if finite.all():
        return None
    if nan_policy == "raise":
        nans = int(np.isnan(plane).sum())
        infinite = int(finite.size - finite.sum()) - nans
        msg = (
            f"plane {z} holds {nans} NaN and {infinite} infinite values; accepted are finite "
            'ones. Replace them, or use nan_policy="ignore" (command line: --nan-policy ignore) '
            "to take those pixels from other planes."
        )
        raise StackError(msg)
    # Invalid in one channel is invalid in all, since channels are copied together.
    return np.asarray(~finite if finite.ndim == 2 else ~finite.all(axis=-1))
