"""A stack that is a part of another one."""

from typing import TYPE_CHECKING

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.runtime import BoolMap
from napari_umis_fusion.stack._stack import Lighting, Plane, Stack, _SelectedLighting, check_stack

if TYPE_CHECKING:
    from napari_umis_fusion.preprocess import GreyRange


class CroppedStack(Stack):
    """A part of another stack: a selection of its planes, and a rectangle of each.

    Parameters
    ----------
    stack : Stack
        The whole stack; its planes are read when those of the part are.
    rows, columns : slice
        The rectangle, of step 1.
    planes : range or slice
        The planes in order; by default all.

    Attributes
    ----------
    shape : tuple of int
        Of the part.
    calibration : Calibration
        That of the stack, with the z step multiplied by the step of `planes`.

    Raises
    ------
    StackError
        If the part is empty, exceeds the stack, or has a step other than 1 in rows or columns.
    """

    def __init__(
        self, stack: Stack, rows: slice, columns: slice, planes: range | slice = slice(None)
    ) -> None:
        count, height, width = stack.shape[:3]
        self._stack = stack
        self._planes = range(count)[planes] if isinstance(planes, slice) else planes
        self._rows = _side("rows", range(height), rows)
        self._columns = _side("columns", range(width), columns)
        sides = len(self._planes), len(self._rows), len(self._columns)
        self._describe_as(stack)
        self.shape = (*sides, *stack.shape[3:])
        check_stack(self.shape, self.dtype, has_named_channels=True)  # the whole was checked
        # A slice was clipped to the stack; a range may exceed it.
        if not (self._planes[0] in range(count) and self._planes[-1] in range(count)):
            msg = f"got planes {self._planes}; accepted are planes 0 to {count - 1} of the stack."
            raise StackError(msg)
        self.holds_values = stack.holds_values
        self.calibration = stack.calibration.of_planes(self._planes)
        # An alignment describes all planes of a stack; with fewer planes it would not fit.
        if self._planes == range(count):
            self.alignment, self.window = stack.alignment, self._window_in(stack.window)

    def plane(self, z: int) -> Plane:
        """Read plane `z` of the part."""
        return self._stack.region(self._planes[z], _slice(self._rows), _slice(self._columns))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z` of the part, and no more than that if possible."""
        inner = _side("rows", self._rows, rows), _side("columns", self._columns, columns)
        return self._stack.region(self._planes[z], *map(_slice, inner))

    def uncovered(
        self, z: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> BoolMap | None:
        """Return where plane `z` of the part shows nothing; see `Stack.uncovered`."""
        inner = _side("rows", self._rows, rows), _side("columns", self._columns, columns)
        return self._stack.uncovered(self._planes[z], *map(_slice, inner))

    def lighting(
        self, grey_range: "GreyRange", rows: slice = slice(None), columns: slice = slice(None)
    ) -> Lighting | None:
        """Return the correction of illumination in a rectangle; see `Stack.lighting`."""
        inner = _side("rows", self._rows, rows), _side("columns", self._columns, columns)
        whole = self._stack.lighting(grey_range, *map(_slice, inner))
        return None if whole is None else _SelectedLighting(whole, self._planes)

    def _window_in(self, outer: tuple[slice, slice] | None) -> tuple[slice, slice] | None:
        """Return the rectangle in rows and columns of the reference plane."""
        if outer is None:
            return None
        sides = zip(outer, (self._rows, self._columns), strict=True)
        rows, columns = (
            slice(whole.start + side.start, whole.start + side.stop) for whole, side in sides
        )
        return rows, columns


def _side(name: str, outer: range, part: slice) -> range:
    """Return the selected rows or columns; refuse a step other than 1."""
    side = outer[part]
    if side.step != 1:
        msg = f"got {name} {part}; accepted is a step of 1: a part holds every pixel."
        raise StackError(msg)
    return side


def _slice(side: range) -> slice:
    return slice(side.start, side.stop)
