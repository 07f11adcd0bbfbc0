"""The motion of one plane, and the evidence for it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_umis_fusion.alignment._transforms import Transform, decompose, is_identity

MotionModel = Literal["none", "translation", "similarity", "affine"]


@dataclass(frozen=True, slots=True)
class PlaneMotion:
    """How one plane lies, and why that is believed or not.

    Attributes
    ----------
    z : int
        The plane.
    is_moved : bool
        Whether it is put elsewhere before it is fused.
    shift_rows_px, shift_columns_px : float
        How far its centre lies from that of the reference plane.
    scale : float
        Its magnification relative to the reference plane.
    rotation_deg : float
        Its turn as displayed, counter-clockwise.
    shear : float
        Half the difference of its two stretches.
    agreement_before, agreement_after : float or None
        Mean correlation of its detail with that of its neighbour towards the reference plane, as
        recorded and moved as was measured, whether that was believed or not; None where there is
        none to tell.
    why : str
        In words.
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
    """Return the row of the table that a transform makes."""
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
