"""The motion of one plane, and the evidence for it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_umis_fusion.alignment._transforms import Transform, decompose, is_identity

MotionModel = Literal["none", "translation", "similarity", "affine"]


@dataclass(frozen=True, slots=True)
class PlaneMotion:
    """The motion of one plane, and why it was accepted or rejected.

    Attributes
    ----------
    z : int
        Index of the plane.
    is_moved : bool
        Whether the plane is moved before fusion.
    shift_rows_px, shift_columns_px : float
        Displacement of its centre relative to the reference plane.
    scale : float
        Its magnification relative to the reference plane.
    rotation_deg : float
        Its rotation as displayed, counter-clockwise.
    shear : float
        Half the difference of the singular values of its matrix.
    agreement_before, agreement_after : float or None
        Mean correlation of its detail with that of its neighbour towards the reference plane,
        without and with the measured motion, accepted or not; None if unknown.
    why : str
        The reason, in words.
    """

    z: int
    is_moved: bool
    shift_rows_px: float
    shift_columns_px: float
    scale: float
    rotation_deg: float
    shear: float
    agreement_before: float | None
    agreement_after: float | None
    why: str


def motion_of(
    z: int,
    transform: Transform,
    shape: tuple[int, int],
    *,
    before: float = np.nan,
    after: float = np.nan,
    why: str = "",
) -> PlaneMotion:
    """Return the motion that a transform of a plane (Y, X) describes."""
    parts = decompose(transform, shape)
    return PlaneMotion(
        z=z,
        is_moved=not is_identity(transform),
        shift_rows_px=parts.shift_px[0],
        shift_columns_px=parts.shift_px[1],
        scale=parts.scale,
        rotation_deg=parts.rotation_deg,
        shear=parts.shear,
        agreement_before=float(before) if np.isfinite(before) else None,
        agreement_after=float(after) if np.isfinite(after) else None,
        why=why,
    )
