"""What becomes of pixels that no plane shows, and of the opacity of colours."""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion.decision import Decision
from napari_umis_fusion.fusion.depth._final_maps import FinalMaps
from napari_umis_fusion.stack import OPACITY, Plane


def settle_coverage(
    image: Plane,
    opacity: Plane | None,
    decision: Decision,
    index_map: NDArray[np.uint16],
    maps: FinalMaps,
) -> float:
    """Make what some plane shows visible, and what no plane shows 0, or NaN in floats.

    Parameters
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The all-in-focus image; changed in place.
    opacity : ndarray of shape (Y, X) or None
        The highest of all planes, which becomes that of the image.
    decision : Decision
        Of all planes.
    index_map : ndarray of shape (Y, X)
        Changed in place: 0 where no plane shows anything.
    maps : FinalMaps
        Positions, and their errors, are changed in place: NaN there.

    Returns
    -------
    float
        Share of pixels that no plane shows.
    """
    nowhere = decision.best < 0
    share = float(nowhere.mean())
    if opacity is not None:
        image[..., OPACITY] = opacity
    if share > 0:
        index_map[nowhere], maps.sub_plane[nowhere] = 0, np.nan
        if maps.sub_plane_error is not None:
            maps.sub_plane_error[nowhere] = np.nan
        image[nowhere] = np.nan if image.dtype.kind == "f" else 0
    return share


def coverage_notes(share: float, image: Plane) -> list[str]:
    """Return notes for the user on the share of pixels that no plane shows."""
    if share == 0:
        return []
    value = "NaN" if image.dtype.kind == "f" else "0"
    return [f"{percent(share)} of the image is shown by no plane: {value} there"]


def percent(share: float) -> str:
    """Return a share, 0 to 1, for a note."""
    return f"{100 * share:.1f} %" if share >= 0.001 else "less than 0.1 %"
