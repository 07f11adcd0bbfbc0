"""The part of a picture that autofocus looks at."""

import operator
from dataclasses import dataclass
from typing import Any, Self

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.runtime import AnyArray

LEAST_PX = 8
"""Least rows and columns: below, no measure says anything."""


@dataclass(frozen=True, slots=True)
class FocusRegion:
    """A rectangle of the camera's picture, in pixels.

    Attributes
    ----------
    top, left : int
        First row and column.
    height, width : int
        Number of rows and columns.

    Raises
    ------
    LiveError
        If it is smaller than 8 x 8 pixels or begins outside the picture.
    """

    top: int
    left: int
    height: int
    width: int

    def __post_init__(self) -> None:
        for name in ("top", "left", "height", "width"):
            object.__setattr__(self, name, operator.index(getattr(self, name)))
        if min(self.height, self.width) < LEAST_PX or min(self.top, self.left) < 0:
            raise LiveError(
                f"the region is {self.height} x {self.width} px at row {self.top}, column "
                f"{self.left}; accepted are at least {LEAST_PX} x {LEAST_PX} px within the "
                "picture: draw a larger one."
            )

    @classmethod
    def around(cls, row: float, column: float, side_px: int, shape: tuple[int, ...]) -> Self:
        """Return the square around a point, moved inside a picture of a shape where it must.

        Parameters
        ----------
        row, column : float
            The point, such as where the user clicked.
        side_px : int
            Rows and columns of the square; fewer where the picture is smaller.
        shape : tuple of int
            (Y, X) of the picture.

        Raises
        ------
        LiveError
            If the point lies outside the picture, or the square is too small.
        """
        if not (0 <= row < shape[0] and 0 <= column < shape[1]):
            raise LiveError(
                f"the point is at row {row:g}, column {column:g}; accepted are points within the "
                f"picture of {shape[0]} x {shape[1]} px."
            )
        sides = [min(side_px, n) for n in shape[:2]]
        first = [
            min(max(0, round(at - side / 2)), n - side)
            for at, side, n in zip((row, column), sides, shape, strict=False)
        ]
        return cls(first[0], first[1], sides[0], sides[1])

    @classmethod
    def spanning(cls, corners: Any, shape: tuple[int, ...]) -> Self:
        """Return the rectangle that spans corners (N, 2) of row and column, cut to a picture.

        Raises
        ------
        LiveError
            If less than 8 x 8 pixels of it are within the picture.
        """
        rows, columns = (sorted(float(corner[axis]) for corner in corners) for axis in (0, 1))
        top, left = max(0, round(rows[0])), max(0, round(columns[0]))
        bottom, right = min(shape[0], round(rows[-1])), min(shape[1], round(columns[-1]))
        return cls(top, left, bottom - top, right - left)

    def of(self, picture: AnyArray) -> AnyArray:
        """Return the rectangle of a picture (Y, X[, C]).

        Raises
        ------
        LiveError
            If the picture is smaller, as after a change of the camera's own region or binning.
        """
        bottom, right = self.top + self.height, self.left + self.width
        if bottom > picture.shape[0] or right > picture.shape[1]:
            raise LiveError(
                f"the region reaches to row {bottom}, column {right}, but the camera's picture "
                f"has {picture.shape[0]} x {picture.shape[1]} px: choose the region again."
            )
        return picture[self.top : bottom, self.left : right]
