"""Atomic writing of images."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import OWN_NAME
from napari_umis_fusion.files.write._about import ImageAbout
from napari_umis_fusion.files.write._formats import (
    IMAGEJ,
    JPEG,
    OME_TIFF,
    PNG,
    check_output_path,
    output_format,
)
from napari_umis_fusion.files.write._imagej import write_hyperstack_plane
from napari_umis_fusion.files.write._marks import bilevel_png_bytes, jpeg_bytes, marked_png
from napari_umis_fusion.runtime import atomic_write, naming_faults
from napari_umis_fusion.stack import MAX_CHANNELS, Calibration, Plane, check_given_sizes

_UNKNOWN_SIZES = Calibration()
_NOTHING = ImageAbout()

_MOST_JPEG_PX = 65500  # of libjpeg, which says only that the data stream is broken

# Classic TIFF has 32-bit offsets; 32 MB are reserved for headers.
CLASSIC_TIFF_BYTES = 2**32 - 2**25


def write_image(
    path: str | os.PathLike[str],
    image: Plane,
    *,
    calibration: Calibration = _UNKNOWN_SIZES,
    rgb: bool = False,
    provenance: Mapping[str, Any] | None = None,
    about: ImageAbout = _NOTHING,
    protect: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Write an image in the format of the file name's extension.

    The write is atomic: the file is complete or absent. An existing file is replaced.

    =========== ============================= ===================================================
    extension   dtypes                        metadata
    =========== ============================= ===================================================
    .ome.tif    all; bool becomes uint8       names, physical sizes in µm; provenance in the
                (0, 1) and float16 becomes    OME Description
                float32, as OME has neither
    .imagej.tif uint8, uint16, float32;       as ImageJ and Fiji show them: names, sizes, colours,
                colour as uint8; bool         ranges; provenance as info
                becomes 0 and 255, float16
                float32
    .tif        all; bool as one bit, in      name, sizes and provenance in the description,
                colour as uint8               resolution tags
    .png        bool, uint8, uint16           this package's name, with provenance
    .jpg        uint8 (quality 95, 4:4:4)     this package's name, with provenance
    =========== ============================= ===================================================

    TIFFs are uncompressed, so that programs can memory-map them, and BigTIFF from 4 GB on.

    Parameters
    ----------
    path : path
        Ends in .ome.tif, .imagej.tif, .tif (or .tiff), .png, .jpg or .jpeg.
    image : ndarray of shape (Y, X) or (Y, X, C)
        The image; C counts microscope channels or, with `rgb`, 3 or 4 colour samples.
    calibration : Calibration
        Physical sizes.
    rgb : bool
        Whether the last axis holds colour samples.
    provenance : mapping, optional
        How the image was made, as JSON values.
    about : ImageAbout
        Name of the image, and names and colours of its channels.
    protect : iterable of path
        Files that must not be overwritten.

    Returns
    -------
    pathlib.Path
        Absolute path of the file.

    Raises
    ------
    StackFileError
        If the output is refused (see `check_output_path`) or cannot be written.
    ConfigError
        If a physical size is not a positive number.
    """
    check_given_sizes(calibration)
    pixels = _one_plane(path, image)
    colour = rgb and pixels.ndim == 3
    channels = pixels.shape[2] if pixels.ndim == 3 else None
    target = check_output_path(path, protect=protect, dtype=image.dtype, channels=channels, rgb=rgb)
    if output_format(target) is JPEG and max(pixels.shape[:2]) > _MOST_JPEG_PX:
        size = " × ".join(map(str, pixels.shape[:2]))
        msg = f"{target}: is {size}; JPEG holds up to {_MOST_JPEG_PX} a side. Write PNG or TIFF."
        raise StackFileError(msg)
    # By its name, a result beside the planes is told from a plane.
    told = None if provenance is None else _told(path, provenance)
    with atomic_write_checked(target) as temporary:
        wanted = output_format(target)
        _write(temporary, wanted, pixels, colour, calibration, told, about)
    return target


def _told(path: str | os.PathLike[str], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file tells; refuse what JSON cannot hold, before a file is begun."""
    try:
        told = {"software": OWN_NAME, **provenance}
        json.dumps(told)
    except (TypeError, ValueError) as error:
        msg = (
            f"{path}: the provenance is no JSON ({error}); accepted is a dict of text, numbers, "
            "lists and dicts, such as result.provenance."
        )
        raise StackFileError(msg) from error
    return told


def _one_plane(path: str | os.PathLike[str], image: Plane) -> Plane:
    """Return an image without an axis of one channel; refuse what is no plane."""
    if not (hasattr(image, "shape") and hasattr(image, "dtype")):
        inside = " Its image is its all_in_focus." if hasattr(image, "all_in_focus") else ""
        msg = (
            f"{path}: got {type(image).__name__}; accepted are arrays (Y, X) and (Y, X, C)."
            f"{inside or ' Convert it with numpy.asarray.'}"
        )
        raise StackFileError(msg)
    if image.ndim not in (2, 3) or image.size == 0:
        msg = (
            f"{path}: got an image of shape {image.shape}; accepted are (Y, X) and (Y, X, C). "
            "Write one plane, or all with write_image_layer."
        )
        raise StackFileError(msg)
    if image.shape[2:] > (MAX_CHANNELS,):
        msg = (
            f"{path}: the last axis of shape {image.shape} is taken as {image.shape[2]} channels; "
            f"accepted are at most {MAX_CHANNELS}. Write one plane, or all with write_image_layer."
        )
        raise StackFileError(msg)
    return image[..., 0] if image.shape[2:] == (1,) else image


def _write(
    path: Path,
    wanted: Any,
    pixels: Plane,
    rgb: bool,
    calibration: Calibration,
    provenance: Mapping[str, Any] | None,
    about: ImageAbout,
) -> None:
    if wanted is PNG:
        content = _png_bytes(pixels)
        path.write_bytes(content if provenance is None else marked_png(content))
    elif wanted is JPEG:
        path.write_bytes(jpeg_bytes(pixels, is_result=provenance is not None))
    elif wanted is IMAGEJ:
        write_hyperstack_plane(
            path, pixels, rgb=rgb, calibration=calibration, provenance=provenance, about=about
        )
    else:
        ome = wanted is OME_TIFF
        one_bit_colour = rgb and pixels.dtype == bool
        stored = _as_ome_knows(pixels) if ome or one_bit_colour else pixels
        metadata = (_ome_metadata if ome else _plain_metadata)(calibration, provenance)
        metadata |= about.metadata(ome=ome)
        _write_tiff(path, stored, rgb=rgb, ome=ome, metadata=metadata, calibration=calibration)


@contextmanager
def atomic_write_checked(target: Path) -> Iterator[Path]:
    """Yield a temporary name as `atomic_write` does; raises `StackFileError` on failure."""
    with naming_write_errors(target), atomic_write(target) as temporary:
        yield temporary


def naming_write_errors(target: Path) -> AbstractContextManager[None]:
    """Raise an `OSError` inside as a `StackFileError` that names the target."""
    advice = "choose another folder"
    return naming_faults(target, StackFileError, "cannot be written", advice, of=OSError)


def _png_bytes(pixels: Plane) -> bytes:
    if pixels.dtype == bool:  # one bit per pixel
        return bilevel_png_bytes(pixels)
    # Pillow cannot write colour of 16 bits.
    native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(native)))


def _write_tiff(
    path: Path,
    pixels: Plane,
    *,
    rgb: bool,
    ome: bool,
    metadata: dict[str, Any],
    calibration: Calibration,
) -> None:
    channels = pixels.ndim == 3 and not rgb
    # Channels become pages, as microscopy programs expect them.
    stored = np.moveaxis(pixels, -1, 0) if channels else pixels
    tifffile.imwrite(
        path,
        np.ascontiguousarray(stored),
        ome=ome,
        bigtiff=pixels.nbytes > CLASSIC_TIFF_BYTES,
        photometric="rgb" if rgb else "minisblack",
        planarconfig="contig" if rgb else None,
        extrasamples=["unassalpha"] if rgb and pixels.shape[2] == 4 else None,
        metadata={"axes": "YXS" if rgb else "CYX" if channels else "YX", **metadata},
        **resolution_tags(calibration.pixel_width_um, calibration.pixel_height_um),
    )


def _as_ome_knows(pixels: Plane) -> Plane:
    known = {"bool": np.uint8, "float16": np.float32}.get(pixels.dtype.name)
    return pixels if known is None else pixels.astype(known)


def _ome_metadata(calibration: Calibration, provenance: Mapping[str, Any] | None) -> dict[str, Any]:
    sizes = {
        "X": calibration.pixel_width_um,
        "Y": calibration.pixel_height_um,
        "Z": calibration.z_step_um,
    }
    metadata: dict[str, Any] = {}
    for axis, size in sizes.items():
        if size is not None:
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    if provenance is not None:
        metadata["Description"] = json.dumps(dict(provenance))
    return metadata


def _plain_metadata(
    calibration: Calibration, provenance: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "z_step_um": calibration.z_step_um,
        "pixel_height_um": calibration.pixel_height_um,
        "pixel_width_um": calibration.pixel_width_um,
        **({} if provenance is None else {"provenance": dict(provenance)}),
    }


def resolution_tags(width_um: float | None, height_um: float | None) -> dict[str, Any]:
    """Return the resolution tags of a pixel size, per centimetre; an empty dict if unknown."""
    if width_um is None or height_um is None:
        return {}
    return {"resolution": (1e4 / width_um, 1e4 / height_um), "resolutionunit": "CENTIMETER"}
