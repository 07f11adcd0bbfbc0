"""Overrides as people give them: for each pixel automatic, or the plane that it is taken from."""

from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.read import is_tiff, list_files, open_stack, open_tiff
from napari_umis_fusion.stack import Stack

OverrideMap = NDArray[np.uint16]
"""Overrides of shape (Y, X): 0 for automatic, k + 1 for plane k."""

Box = tuple[slice, slice]
"""Rows and columns of a rectangle, with whole bounds."""

ACCEPTED = "accepted are whole numbers of shape (Y, X): 0 for automatic, k + 1 for plane k"


def load_overrides(overrides: Any, stack: Stack) -> OverrideMap:
    """Return overrides of an array or a file, checked against the planes of a stack.

    Parameters
    ----------
    overrides : array-like of shape (Y, X), or path
        0 for automatic, k + 1 for plane k; of a path, an image file of one such plane.
    stack : Stack
        The stack that is fused.

    Returns
    -------
    ndarray of shape (Y, X), uint16
        A copy.

    Raises
    ------
    ConfigError
        If they are not whole numbers of two axes, or name a plane that the stack does not have.
    StackFileError, StackError
        If the file cannot be read, or holds more than one image.
    """
    is_path = isinstance(overrides, (str, PathLike))
    found = _read(str(overrides)) if is_path else np.asarray(overrides)
    if found.ndim != 2 or found.dtype.kind not in "iub":
        raise ConfigError(
            f"overrides of shape {found.shape} and dtype {found.dtype}; {ACCEPTED}. Convert with "
            "astype(numpy.uint16), or select one time point."
        )
    lowest, highest = (int(found.min()), int(found.max())) if found.size else (0, 0)
    if lowest < 0 or highest > len(stack):
        raise ConfigError(
            f"overrides from {lowest} to {highest}; {ACCEPTED}, and the stack has planes 0 to "
            f"{len(stack) - 1}: 0 to {len(stack)}."
        )
    return found.astype(np.uint16)


def fit_overrides(
    overrides: OverrideMap, shape: tuple[int, ...], window: Box | None
) -> OverrideMap:
    """Return the overrides of a result whose borders alignment may have cropped.

    Parameters
    ----------
    overrides : ndarray of shape (Y, X)
        Of the result, or of the whole planes.
    shape : tuple of int
        (Y, X) of the result.
    window : tuple of slice, or None
        Rows and columns of the planes that the result shows.

    Raises
    ------
    ConfigError
        If they have the shape of neither.
    """
    if overrides.shape == shape:
        return overrides
    if window is not None:
        cropped = overrides[window]
        # A result that is cropped at the top alone must not take overrides of another size.
        inside = all(part.stop <= side for part, side in zip(window, overrides.shape, strict=True))
        if inside and cropped.shape == shape:
            return cropped.copy()
    raise ConfigError(
        f"overrides of {_sides(overrides.shape)} px; the result has {_sides(shape)} px. Give "
        "overrides of this size, or of the whole planes."
    )


def changed_box(before: OverrideMap, after: OverrideMap) -> Box | None:
    """Return the smallest rectangle around all differences; None if there are none."""
    rows = np.flatnonzero((before != after).any(axis=1))
    if not rows.size:
        return None
    band = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero((before[band] != after[band]).any(axis=0))
    return band, slice(int(columns[0]), int(columns[-1]) + 1)


def planes_in(overrides: OverrideMap) -> list[int]:
    """List the planes that overrides name."""
    # Faster than to sort them.
    return [int(k) - 1 for k in np.flatnonzero(np.bincount(overrides.ravel())) if k]


def _read(path: str) -> NDArray[Any]:
    files = list_files(path)
    one_tiff = len(files) == 1 and is_tiff(files[0])
    stack = open_tiff(files[0], one_plane=True) if one_tiff else open_stack(path)
    if len(stack) != 1:
        raise ConfigError(f"{path} has {len(stack)} planes; {ACCEPTED}. Save one plane.")
    return stack.plane(0)


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:2]))
