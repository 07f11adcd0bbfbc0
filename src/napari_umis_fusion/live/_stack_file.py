"""A stack as one OME-TIFF, plane by plane."""

from pathlib import Path

import tifffile

from napari_umis_fusion.files.write import naming_write_errors
from napari_umis_fusion.runtime import atomic_write
from napari_umis_fusion.stack import Stack


def write_stack(path: Path, stack: Stack) -> Path:
    """Write a stack as OME-TIFF, with physical sizes; the file is complete or absent.

    Parameters
    ----------
    path : Path
        Of a new file, ending in .ome.tif.
    stack : Stack
        The planes.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    StackFileError
        If it cannot be written.
    """
    sizes = {
        "Z": stack.calibration.z_step_um,
        "Y": stack.calibration.pixel_height_um,
        "X": stack.calibration.pixel_width_um,
    }
    about: dict[str, object] = {"axes": "ZYXS" if stack.rgb else "ZYX"}
    for axis, size in sizes.items():
        if size is not None:
            about |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    with naming_write_errors(path), atomic_write(path) as temporary:
        tifffile.imwrite(
            temporary,
            iter(stack),
            shape=stack.shape,
            dtype=stack.dtype,
            ome=True,
            photometric="rgb" if stack.rgb else "minisblack",
            metadata=about,
        )
    return path
