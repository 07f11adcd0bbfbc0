"""Open a file that holds one image, not a stack."""

import warnings
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.cli._options import check_length
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files.read import (
    is_tiff,
    list_files,
    open_stack,
    open_tiff,
    told_output,
)
from napari_umis_fusion.runtime import BoolMap, Float64Array
from napari_umis_fusion.stack import Calibration, Plane

_WITH_DEPTHS = ("depth map", "index map", "source map")
"""Results of a fusion that tell a depth, or a plane, at each pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class OneImage:
    """An image of a file.

    Attributes
    ----------
    pixels : ndarray of shape (Y, X) or (Y, X, C)
        Its values.
    calibration : Calibration
        Physical sizes, as far as the file gives them.
    output : str or None
        Which result of a fusion the file says that it holds, such as "index map".
    """

    pixels: Plane
    calibration: Calibration
    output: str | None = None


def open_image(path: str) -> OneImage:
    """Open a file of one image; raises `StackError` for more planes."""
    files = list_files(path)
    # a single TIFF declares its channels, unlike a folder
    one_tiff = len(files) == 1 and is_tiff(files[0])
    stack = open_tiff(files[0], one_plane=True) if one_tiff else open_stack(path)
    if len(stack) != 1:
        msg = f"{path} has {len(stack)} planes; accepted is one image: fuse it, or save one plane."
        raise StackError(msg)
    return OneImage(stack.plane(0), stack.calibration, told_output(files[0]))


def depth_um_of(
    depth: OneImage, path: str, z_step_um: float | None = None, option: str = "--z-step-um"
) -> Float64Array:
    """Return a map of a file as depths in µm.

    Parameters
    ----------
    depth : OneImage
        A depth map of floats in µm, or an index map of whole numbers.
    path : str
        Its file, for messages.
    z_step_um : float, optional
        Distance of planes, for an index map; by default as in the file.
    option : str
        Option by which it is given.

    Raises
    ------
    StackError
        If it has channels, or holds neither depths nor planes.
    ConfigError
        If the distance of planes is unknown, no length, or given for depths.
    """
    if depth.pixels.ndim != 2:
        raise StackError(f"{path} has channels; accepted is a map of one number a pixel.")
    if depth.pixels.dtype == np.bool_:
        raise StackError(
            f"{path} says yes or no at each pixel, such as where nothing is in focus; accepted is "
            "a depth map in µm, or an index map."
        )
    if depth.output is not None and depth.output not in _WITH_DEPTHS:
        # Whatever the values are, they would make heights in µm that look like any others.
        raise StackError(
            f"{path} is the {depth.output} of a fusion; accepted is its depth map, or index map."
        )
    check_length(option, z_step_um)
    if np.issubdtype(depth.pixels.dtype, np.floating):
        if z_step_um is not None:
            raise ConfigError(
                f"{option} is for index maps; this map has depths in µm already: leave it out."
            )
        return depth.pixels.astype(np.float64)
    step = z_step_um or depth.calibration.z_step_um
    if step is None:
        taken = "is" if depth.output is not None else "holds whole numbers, so it is taken as"
        raise ConfigError(
            f"{path} {taken} an index map, and the distance of planes is unknown or uneven: add "
            f"{option}, or give the depth map."
        )
    if depth.output is None:
        lowest, highest = depth.pixels.min(), depth.pixels.max()
        warnings.warn(
            f"{path} does not say what it holds: taken as an index map, of planes {lowest} to "
            f"{highest}.",
            UserWarning,
            stacklevel=2,
        )
    return depth.pixels * float(step)


def never_in_focus_of(path: str | None) -> BoolMap | None:
    """Return where the image of a file is not 0: bool of shape (Y, X[, C]); None without one."""
    return None if path is None else open_image(path).pixels != 0
