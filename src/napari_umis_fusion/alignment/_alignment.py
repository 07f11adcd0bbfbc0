"""What alignment found: a transform for each plane, and the evidence for it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.alignment._plane_motion import MotionModel, PlaneMotion, motion_of
from napari_umis_fusion.alignment._table import TransformTable, read_table, write_table
from napari_umis_fusion.alignment._transforms import max_displacement_px
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.preprocess.illumination import IlluminationProfile

_MIN_AREA = 0.01
"""Of a pixel, once moved, that still is one."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where the planes of a stack lie on one another.

    Attributes
    ----------
    model : {"none", "translation", "similarity", "affine"}
        What the transforms are.
    reference : int
        The plane that stays where it is.
    shape : tuple of int
        (Y, X) of the planes.
    transforms : ndarray of float64, shape (Z, 2, 3)
        (matrix | offset): what lies at `p` (row, column) in the reference plane lies at
        ``matrix @ p + offset`` in the plane. Exactly that of no motion for planes left alone.
    planes : tuple of PlaneMotion
        One for each.
    light : IlluminationProfile
        What the same look at the planes told of their light; not in the table.
    is_telecentric : bool
        Whether "auto" looked for shifts only, taking the stack for one of a microscope.
    """

    model: MotionModel
    reference: int
    shape: tuple[int, int]
    transforms: NDArray[np.float64]
    planes: tuple[PlaneMotion, ...]
    light: IlluminationProfile = field(default_factory=IlluminationProfile)
    is_telecentric: bool = False

    @classmethod
    def given(cls, transforms: ArrayLike, shape: Sequence[int], reference: int = 0) -> Self:
        """Take transforms that are known from elsewhere.

        Parameters
        ----------
        transforms : array-like of shape (Z, 2, 3)
            One for each plane.
        shape : sequence of int
            (Y, X) of the planes.
        reference : int
            The plane that they refer to; its own transform may be any.

        Raises
        ------
        AlignmentError
            If the shape is another, a transform is not finite or cannot be undone, or the
            reference is none of the planes.
        """
        array = np.array(transforms, np.float64)
        if array.ndim != 3 or array.shape[1:] != (2, 3):
            msg = (
                f"got transforms of shape {array.shape}; accepted is (Z, 2, 3), one for each plane."
            )
            raise AlignmentError(msg)
        sound = np.isfinite(array).all() and (np.linalg.det(array[:, :, :2]) > _MIN_AREA).all()
        if not sound:
            msg = "a transform is not finite, or makes nothing of a plane; give others."
            raise AlignmentError(msg)
        if not 0 <= reference < len(array):
            msg = f"got plane {reference} as reference of {len(array)} transforms; count from 0."
            raise AlignmentError(msg)
        size = (int(shape[0]), int(shape[1]))
        rows = tuple(motion_of(z, one, size, why="given") for z, one in enumerate(array))
        return cls("affine", int(reference), size, array, rows)

    @property
    def moved(self) -> tuple[int, ...]:
        """Planes that are not where they were recorded."""
        return tuple(row.z for row in self.planes if row.is_moved)

    @property
    def is_needed(self) -> bool:
        """Whether any plane is moved."""
        return bool(self.moved)

    def describe(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {
            "model": self.model,
            "reference": self.reference,
            "shape": list(self.shape),
            "moved": list(self.moved),
            "transforms": self.transforms.tolist(),
            "planes": [asdict(row) for row in self.planes],
        }

    def summary(self) -> str:
        """Say in a sentence what was done."""
        shifts_only = ["only shifts were looked for, as in stacks of microscopes"]
        shifts_only *= self.is_telecentric
        if not self.is_needed:
            return "; ".join(["planes lie right as they are, none was moved", *shifts_only])
        parts = [f"{len(self.moved)} of {len(self.planes)} planes were moved ({self.model})"]
        farthest = max(max_displacement_px(transform, self.shape) for transform in self.transforms)
        parts.append(f"by up to {farthest:.1f} px")
        scales = [row.scale for row in self.planes]
        if max(scales) - min(scales) > 1e-4:
            parts.append(f"magnification {min(scales):.3f} to {max(scales):.3f}")
        return "; ".join([", ".join(parts), *shifts_only])

    def notes(self, *, was_asked: bool) -> list[str]:
        """Say what a user should know of how planes were put in place and lit.

        Parameters
        ----------
        was_asked : bool
            Whether it is told too that no plane was moved.
        """
        said = [self.summary()] if was_asked or self.is_needed else []
        return said + self.light.summary()

    def save(self, path: str | Path) -> Path:
        """Write the table as CSV: one row for each plane, as people read it and exactly.

        Raises
        ------
        StackFileError
            If the file cannot be written.
        """
        table = TransformTable(self.model, self.reference, self.shape, self.transforms, self.planes)
        return write_table(table, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a table that `save` wrote.

        Raises
        ------
        AlignmentError
            If it cannot be read, or is no such table; says what is wrong.
        """
        table = read_table(path)
        try:
            checked = cls.given(table.transforms, table.shape, table.reference)
        except AlignmentError as error:
            raise AlignmentError(f"{path}: {error}") from error
        return replace(checked, model=table.model, planes=table.planes)
