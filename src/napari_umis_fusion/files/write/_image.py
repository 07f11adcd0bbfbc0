"""Write images: beside the target first, then renamed."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.write._formats import (
    JPEG,
    OME_TIFF,
    PNG,
    check_output_path,
    output_format,
)
from napari_umis_fusion.runtime import atomic_write
from napari_umis_fusion.stack import Calibration, Plane

_UNKNOWN_SIZES = Calibration()

# Classic TIFF counts bytes in 32 bits; the rest is room for the headers.
CLASSIC_TIFF_BYTES = 2**32 - 2**25


def write_image(
    path: str | os.PathLike[str],
    image: Plane,
    *,
    calibration: Calibration = _UNKNOWN_SIZES,
    rgb: bool = False,
    provenance: Mapping[str, Any] | None = None,
    protect: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Write an image in the format that the name's ending asks for.

    The file appears under its name only once it is complete; an existing one is replaced.

    ========== ============================== ===================================================
    ending     dtypes                         what goes along
    ========== ============================== ===================================================
    .ome.tif   all; bool becomes uint8 (0, 1) physical sizes in µm; provenance as JSON in the
               and float16 becomes float32,   OME Description
               as OME knows neither
    .tif       all; bool as one bit, in       sizes and provenance as JSON in the description,
               colour as uint8                resolution tags
    .png       bool, uint8, uint16            nothing
    .jpg       uint8 (quality 95, 4:4:4)      nothing
    ========== ============================== ===================================================

    TIFFs are uncompressed, so that every program maps them, and BigTIFF from 4 GB up.

    Parameters
    ----------
    path : path
        Ends in .ome.tif, .ome.tiff, .tif, .tiff, .png, .jpg or .jpeg.
    image : ndarray of shape (Y, X) or (Y, X, C)
        The image; C are microscope channels, or with `rgb` 3 or 4 colour samples.
    calibration : Calibration
        Physical sizes.
    rgb : bool
        Whether the last axis holds colour samples.
    provenance : mapping, optional
        Whatever JSON can hold, about how the image came to be.
    protect : iterable of path
        Files never to be written over.

    Returns
    -------
    pathlib.Path
        Where the file is, absolute.

    Raises
    ------
    StackFileError
        The output is refused (see `check_output_path`) or the disk fails.
    """
    if image.ndim not in (2, 3) or image.size == 0:
        msg = f"{path}: got an image of shape {image.shape}; accepted are (Y, X) and (Y, X, C)."
        raise StackFileError(msg)
    pixels = image[..., 0] if image.shape[2:] == (1,) else image
    colour = rgb and pixels.ndim == 3
    channels = pixels.shape[2] if pixels.ndim == 3 else None
    target = check_output_path(path, protect=protect, dtype=image.dtype, channels=channels, rgb=rgb)
    with atomic_write_checked(target) as beside:
        _write(beside, output_format(target), pixels, colour, calibration, provenance)
    return target


def _write(
    path: Path,
    wanted: Any,
    pixels: Plane,
    rgb: bool,
    calibration: Calibration,
    provenance: Mapping[str, Any] | None,
) -> None:
    if wanted is PNG:
        _write_png(path, pixels)
    elif wanted is JPEG:
        Image.fromarray(pixels).save(path, format="JPEG", quality=95, subsampling=0)
    else:
        ome = wanted is OME_TIFF
        one_bit_colour = rgb and pixels.dtype == bool
        stored = _as_ome_knows(pixels) if ome or one_bit_colour else pixels
        metadata = (_ome_metadata if ome else _plain_metadata)(calibration, provenance)
        _write_tiff(path, stored, rgb=rgb, ome=ome, metadata=metadata, calibration=calibration)


@contextmanager
def atomic_write_checked(target: Path) -> Iterator[Path]:
    """Give a name to write to, as `atomic_write` does, and tell what the disk refuses."""
    with naming_write_errors(target), atomic_write(target) as beside:
        yield beside


@contextmanager
def naming_write_errors(target: Path) -> Iterator[None]:
    """Raise what the disk refuses as `StackFileError` that names the target."""
    try:
        yield
    except StackFileError:
        raise
    except OSError as error:
        msg = f"{target}: cannot be written ({error.strerror or error})."
        raise StackFileError(msg) from error


def _write_png(path: Path, pixels: Plane) -> None:
    if pixels.dtype == bool:
        Image.fromarray(pixels).save(path, format="PNG")
    else:
        native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(native)))


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
    """Return a pixel's size as resolution tags, in pixels per centimetre; none if unknown."""
    if width_um is None or height_um is None:
        return {}
    return {"resolution": (1e4 / width_um, 1e4 / height_um), "resolutionunit": "CENTIMETER"}
