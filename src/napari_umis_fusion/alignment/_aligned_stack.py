"""A stack whose planes are registered to the reference plane as they are read."""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.alignment._alignment import Alignment
from napari_umis_fusion.alignment._common_window import Window
from napari_umis_fusion.alignment._lighting import PlaneLighting
from napari_umis_fusion.alignment._resample import (
    coverage_mask,
    moved_mask,
    resample,
    source_region,
    whole_shift,
)
from napari_umis_fusion.alignment._transforms import compose, is_identity
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.preprocess import GreyRange
from napari_umis_fusion.stack import Plane, Stack, check_stack, mask_stack


class AlignedStack(Stack):
    """The planes of another stack, each registered to the reference plane when it is read.

    Planes that are not moved, or that move by whole pixels, are copied. The others are resampled
    once, in their dtype.

    Parameters
    ----------
    stack : Stack
        The recorded planes.
    alignment : Alignment
        Their transforms and illumination.
    window : tuple of slice, optional
        Rows and columns of the reference plane to crop to; by default all. Where a plane does not
        cover the window (see `uncovered`), its values are meaningless.
    corrects_values : bool
        Whether values are corrected to the illumination of the reference plane, where that is
        known.

    Raises
    ------
    AlignmentError
        If the number or shape of the planes differs from that of the alignment.
    """

    alignment: Alignment
    window: Window

    def __init__(
        self,
        stack: Stack,
        alignment: Alignment,
        window: Window | None = None,
        *,
        corrects_values: bool = False,
    ) -> None:
        if (len(stack), *stack.shape[1:3]) != (len(alignment.planes), *alignment.shape):
            msg = (
                f"the transforms are for {len(alignment.planes)} planes of "
                f"{alignment.shape[0]} x {alignment.shape[1]} px, but the stack has {len(stack)} "
                f"of {stack.shape[1]} x {stack.shape[2]}; use transforms of this stack."
            )
            raise AlignmentError(msg)
        self.recorded, self.alignment = stack, alignment
        self._corrects_values = corrects_values
        rows, columns = window or (slice(0, stack.shape[1]), slice(0, stack.shape[2]))
        self.window = rows, columns
        sides = rows.stop - rows.start, columns.stop - columns.start
        self._describe_as(stack)
        self.shape = (len(stack), *sides, *stack.shape[3:])
        check_stack(self.shape, self.dtype, has_named_channels=True)  # checked when recorded

    def plane(self, z: int) -> Plane:
        """Read plane `z`, registered to the reference plane."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and only the pixels it needs if the stack allows that."""
        rows, columns = self._in_reference(rows, columns)
        transform = self.alignment.transforms[z]
        if is_identity(transform):
            return self._lit(self.recorded.region(z, rows, columns), z)
        down, along = source_region(transform, rows, columns, self.alignment.shape)
        part = self._lit(self.recorded.region(z, down, along), z)
        size = rows.stop - rows.start, columns.stop - columns.start
        to_reference = np.column_stack([np.eye(2), (rows.start, columns.start)])
        to_part = np.column_stack([np.eye(2), (-down.start, -along.start)])
        local = compose(to_part, compose(transform, to_reference))
        shift = whole_shift(local, size)
        if shift is None:
            return resample(part, local, size)
        places = [
            np.clip(np.arange(side) + by, 0, most - 1)
            for side, by, most in zip(size, shift, part.shape[:2], strict=True)
        ]
        copied: Plane = part[np.ix_(*places)]
        return copied

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> NDArray[np.bool_] | None:
        """Return where plane `z` has no data; see `Stack.uncovered`."""
        transform, window = self.alignment.transforms[z], self._in_reference(rows, columns)
        if is_identity(transform):
            return self.recorded.uncovered(z, *window)
        missing = ~coverage_mask(transform, *window, self.alignment.shape)
        recorded = self.recorded.uncovered(z)
        if recorded is not None:
            missing |= moved_mask(recorded, transform, window)
        return missing if missing.any() else None

    def masked(self, empty: float | None) -> "AlignedStack":
        """Return the stack that knows where recorded planes show nothing; see `mask_stack`."""
        recorded = mask_stack(self.recorded, empty)
        return self if recorded is self.recorded else self.over(recorded)

    def over(self, recorded: Stack) -> "AlignedStack":
        """Return the stack with the same planes read from elsewhere."""
        lit = self._corrects_values
        return AlignedStack(recorded, self.alignment, self.window, corrects_values=lit)

    def lighting(
        self, grey_range: GreyRange, rows: slice = slice(None), columns: slice = slice(None)
    ) -> PlaneLighting | None:
        """Return what corrects the illumination and defects of grey images; None if not needed."""
        light = self.alignment.light
        if light.is_plain:
            return None
        illumination = None if self._corrects_values else light.illumination_in(grey_range)
        window = self._in_reference(rows, columns)
        return PlaneLighting(self.alignment.transforms, window, illumination, light.defects)

    def _lit(self, part: Plane, z: int) -> Plane:
        return self.alignment.light.correct_values(part, z) if self._corrects_values else part

    def _in_reference(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        (first, last), sides = self.window, self.shape[1:3]
        inner = [part.indices(side) for part, side in zip((rows, columns), sides, strict=True)]
        return (
            slice(first.start + inner[0][0], first.start + inner[0][1]),
            slice(last.start + inner[1][0], last.start + inner[1][1]),
        )
