"""The result of registration: a transform for each plane, and the evidence for it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from napari_umis_fusion.alignment._plane_motion import motion_of
from napari_umis_fusion.alignment._table import TransformTable, read_table, write_table
from napari_umis_fusion.alignment._transforms import max_displacement_px
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.preprocess.health import PlaneHealth
from napari_umis_fusion.preprocess.illumination import IlluminationProfile

_MIN_AREA = 0.01
"""Minimum determinant of a matrix: with less, a plane would collapse or be mirrored."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment(TransformTable):
    """The transforms that register the planes of a stack to its reference plane.

    Attributes
    ----------
    model : {"none", "translation", "similarity", "affine"}
        The kind of the transforms.
    reference : int
        The plane to which the others are registered.
    shape : tuple of int
        (Y, X) of the planes.
    transforms : ndarray of float64, shape (Z, 2, 3)
        (matrix | offset): a point `p` (row, column) of the reference plane corresponds to
        ``matrix @ p + offset`` in the plane. Exactly the identity for planes that are not moved.
    planes : tuple of PlaneMotion
        Motion and evidence of each plane.
    light : IlluminationProfile
        Illumination and sensor defects, measured in the same pass; not saved in the table.
    is_telecentric : bool
        Whether "auto" estimated shifts only, because the stack is from a microscope.
    healths : tuple of PlaneHealth
        What was found of the planes while they were aligned, as recorded; empty if nobody looked.
        Not saved in the table.
    """

    light: IlluminationProfile = field(default_factory=IlluminationProfile)
    is_telecentric: bool = False
    healths: tuple[PlaneHealth, ...] = ()

    @classmethod
    def given(cls, transforms: ArrayLike, shape: Sequence[int], reference: int = 0) -> Self:
        """Make an alignment of known transforms.

        Parameters
        ----------
        transforms : array-like of shape (Z, 2, 3)
            One for each plane.
        shape : sequence of int
            (Y, X) of the planes.
        reference : int
            The plane that they refer to; its own transform need not be the identity.

        Raises
        ------
        AlignmentError
            If the array has another shape, a transform is not finite or not invertible, or the
            reference is not one of the planes.
        """
        try:
            array = np.array(transforms, np.float64)
        except (TypeError, ValueError) as error:  # ragged, or no numbers
            raise AlignmentError(
                f"got transforms that are no array of numbers ({error}); accepted is (Z, 2, 3), "
                "one for each plane."
            ) from error
        if array.ndim != 3 or array.shape[1:] != (2, 3):
            msg = (
                f"got transforms of shape {array.shape}; accepted is (Z, 2, 3), one for each plane."
            )
            raise AlignmentError(msg)
        sound = np.isfinite(array).all() and (np.linalg.det(array[:, :, :2]) > _MIN_AREA).all()
        if not sound:
            msg = (
                "a transform is not finite, or its matrix is singular or mirrors the plane; pass "
                "finite, invertible transforms without reflection."
            )
            raise AlignmentError(msg)
        if not 0 <= reference < len(array):
            msg = f"got plane {reference} as reference of {len(array)} transforms; count from 0."
            raise AlignmentError(msg)
        size = (int(shape[0]), int(shape[1]))
        rows = tuple(motion_of(z, one, size, why="given") for z, one in enumerate(array))
        return cls("affine", int(reference), size, array, rows)

    @property
    def moved(self) -> tuple[int, ...]:
        """Indices of the planes that are moved."""
        return tuple(row.z for row in self.planes if row.is_moved)

    @property
    def is_needed(self) -> bool:
        """Whether any plane is moved."""
        return bool(self.moved)

    @property
    def farthest_px(self) -> float:
        """How far a pixel of any plane is moved at most."""
        return max(max_displacement_px(transform, self.shape) for transform in self.transforms)

    def healths_of(self, *, lit: bool) -> list[PlaneHealth]:
        """Return the healths of planes as recorded, or with their values corrected by `light`.

        The light was measured on planes that were scaled by their healths: both belong together.
        """
        if not lit or self.light.illumination is None:
            return list(self.healths)
        return [one.corrected(partial(self.light.correct_values, z=one.z)) for one in self.healths]

    def describe(self) -> dict[str, Any]:
        """Return the model, transforms and evidence as JSON values."""
        return {
            "model": self.model,
            "reference": self.reference,
            "shape": list(self.shape),
            "moved": list(self.moved),
            "transforms": self.transforms.tolist(),
            "planes": [asdict(row) for row in self.planes],
        }

    def summary(self) -> str:
        """Summarise in a sentence how the planes were aligned."""
        shifts_only = ["only shifts were estimated, as the stack is from a microscope"]
        shifts_only *= self.is_telecentric
        if not self.is_needed:
            return "; ".join(["the planes are aligned as recorded, none was moved", *shifts_only])
        were = "was" if len(self.moved) == 1 else "were"
        parts = [f"{len(self.moved)} of {len(self.planes)} planes {were} moved ({self.model})"]
        parts.append(f"by up to {self.farthest_px:.1f} px")
        scales = [row.scale for row in self.planes]
        if max(scales) - min(scales) > 1e-4:
            parts.append(f"magnification {min(scales):.3f} to {max(scales):.3f}")
        return "; ".join([", ".join(parts), *shifts_only])

    def notes(self, *, was_asked: bool) -> list[str]:
        """Return notes for the user about alignment and illumination.

        Parameters
        ----------
        was_asked : bool
            Whether to note as well that no plane was moved.
        """
        notes = [self.summary()] if was_asked or self.is_needed else []
        return notes + self.light.summary()

    def save(self, path: str | Path) -> Path:
        """Write a CSV table: for each plane a row with its motion, evidence and exact transform.

        Raises
        ------
        StackFileError
            If the file cannot be written.
        """
        return write_table(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a table that `save` wrote.

        Raises
        ------
        AlignmentError
            If the file cannot be read, or is not such a table.
        """
        table = read_table(path)
        try:
            checked = cls.given(table.transforms, table.shape, table.reference)
        except AlignmentError as error:
            raise AlignmentError(f"{path}: {error}") from error
        return replace(checked, model=table.model, planes=table.planes)
