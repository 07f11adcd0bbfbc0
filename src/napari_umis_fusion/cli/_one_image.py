"""Open a file that holds one image, not a stack."""

from dataclasses import dataclass

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import is_tiff, list_files, open_stack, open_tiff
from napari_umis_fusion.stack import Calibration, Plane


@dataclass(frozen=True, slots=True, eq=False)
class OneImage:
    """An image of a file.

    Attributes
    ----------
    pixels : ndarray of shape (Y, X) or (Y, X, C)
        Its values.
    calibration : Calibration
        Physical sizes, as far as the file gives them.
    """

    pixels: Plane
    calibration: Calibration


def open_image(path: str) -> OneImage:
    """Open a file of one image; raises `StackError` for more planes."""
    files = list_files(path)
    # a single TIFF declares its channels, unlike a folder
    one_tiff = len(files) == 1 and is_tiff(files[0])
    stack = open_tiff(files[0], one_plane=True) if one_tiff else open_stack(path)
    if len(stack) != 1:
        msg = f"{path} has {len(stack)} planes; accepted is one image: fuse it, or save one plane."
        raise StackError(msg)
    return OneImage(stack.plane(0), stack.calibration)
