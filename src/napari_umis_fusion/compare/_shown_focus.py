"""How much of the focus of the planes an image shows."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.focus_measure import focus_map
from napari_umis_fusion.runtime import FloatMap


def focus_of(plane: NDArray[Any]) -> FloatMap:
    """Measure focus by 'laplacian', on 256 grey levels that all planes share.

    Parameters
    ----------
    plane : ndarray of shape (Y, X) or (Y, X, C)
        In grey levels: black is 0, white 255; rounded and clipped to them.

    Returns
    -------
    ndarray of float32, shape (Y, X)
    """
    return focus_map(np.clip(np.rint(plane), 0, 255).astype(np.uint8))


def highest_focus(planes: Iterable[NDArray[Any]]) -> FloatMap:
    """Return the highest focus of any plane at each pixel, as `focus_of` measures it.

    Parameters
    ----------
    planes : iterable of ndarray of shape (Y, X) or (Y, X, C)
        In grey levels from 0 to 255, as for `focus_of`.

    Returns
    -------
    ndarray of float32, shape (Y, X)

    Raises
    ------
    StackError
        If there is no plane.
    """
    best: FloatMap | None = None
    for plane in planes:
        focus = focus_of(plane)
        best = focus if best is None else np.maximum(best, focus, out=best)
    if best is None:
        raise StackError("the stack has no planes; accepted is at least one.")
    return best


def shown_focus(image: NDArray[Any], best: FloatMap) -> float:
    """Return the focus of an image, up to the best at each pixel, as a share of the best.

    Rewards wrongly: noise, which raises the focus of an image, and the focus measure 'laplacian',
    by which focus is measured here.

    Parameters
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The fused image, in grey levels from 0 to 255.
    best : ndarray of shape (Y, X), float32
        Of `highest_focus`.

    Returns
    -------
    float
        0 to 1; not a number where no plane has any focus.
    """
    whole = float(best.sum(dtype=np.float64))
    shown = float(np.minimum(focus_of(image), best).sum(dtype=np.float64))
    return shown / whole if whole > 0 else float("nan")
