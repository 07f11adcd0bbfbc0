"""Hyperstacks as ImageJ and Fiji write them: sizes, labels, colours and ranges are shown there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import OWN_NAME
from napari_umis_fusion.files.write._about import ImageAbout, as_text
from napari_umis_fusion.stack import Calibration, Plane

MOST_BYTES = 2**32 - 2**25
"""ImageJ's offsets have 32 bits; 32 MB are reserved for headers."""

Ranges = Sequence[tuple[float, float]]
"""The darkest and the brightest value that is shown of each channel."""


@dataclass(frozen=True, slots=True)
class Hyperstack:
    """What a file of ImageJ tells beside the pixels.

    Attributes
    ----------
    axes : str
        In ImageJ's order, of T, Z, C, Y, X and S.
    shape : tuple of int
        Their sizes.
    dtype : numpy.dtype
        One that ImageJ has: uint8, uint16 or float32, and uint8 for colour.
    calibration : Calibration
        Physical sizes.
    about : ImageAbout
        Name, and names and colours of channels.
    ranges : sequence of (float, float)
        For each channel; empty if unknown.
    time_step_s : float or None
        Interval between time points.
    provenance : mapping or None
        How the image was made, which ImageJ shows as its info.
    """

    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    calibration: Calibration
    about: ImageAbout
    ranges: Ranges = ()
    time_step_s: float | None = None
    provenance: Mapping[str, Any] | None = None

    def write(self, path: Path, planes: Any) -> None:
        """Write the file.

        Parameters
        ----------
        path : pathlib.Path
            The file.
        planes : ndarray or iterator of ndarray
            All pixels, or one plane after another.

        Raises
        ------
        StackFileError
            If it would be larger than ImageJ's files can be.
        """
        nbytes = int(np.prod(self.shape)) * self.dtype.itemsize
        if nbytes > MOST_BYTES:
            msg = (
                f"{nbytes / 1e9:.1f} GB are more than an ImageJ TIFF holds; accepted are up to "
                f"{MOST_BYTES / 1e9:.1f} GB. OME-TIFF holds more: end the name in .ome.tif."
            )
            raise StackFileError(msg)
        width, height = self.calibration.pixel_width_um, self.calibration.pixel_height_um
        tifffile.imwrite(
            path,
            planes,
            shape=self.shape,
            dtype=self.dtype,
            imagej=True,
            photometric="rgb" if "S" in self.axes else "minisblack",
            resolution=(1 / width, 1 / height) if width and height else None,
            metadata=self._metadata(),
        )

    def _metadata(self) -> dict[str, Any]:
        known = self.calibration
        told: dict[str, Any] = {"axes": self.axes, "unit": "micron"}
        if known.z_step_um is None and None in (known.pixel_width_um, known.pixel_height_um):
            del told["unit"]
        if known.z_step_um is not None:
            told["spacing"] = known.z_step_um
        if self.time_step_s is not None:
            told |= {"finterval": self.time_step_s, "tunit": "s"}
        if labels := self._labels():
            told["Labels"] = labels
        if "S" not in self.axes:
            told |= self._look()
        if self.provenance is not None:
            told |= {"software": OWN_NAME, "Info": json.dumps(dict(self.provenance), indent=1)}
        return told

    def _labels(self) -> list[str]:
        """Return the text above each plane: the name, and that of its channel."""
        sizes = dict(zip(self.axes, self.shape, strict=True))
        channels, about = sizes.get("C", 1), self.about
        names = about.channel_names if len(about.channel_names) == channels else [""] * channels
        one = [as_text(", ".join(filter(None, (about.name, name)))) for name in names]
        return one * (sizes.get("T", 1) * sizes.get("Z", 1)) if any(one) else []

    def _look(self) -> dict[str, Any]:
        colours = self.about.channel_colours
        channels = dict(zip(self.axes, self.shape, strict=True)).get("C", 1)
        look: dict[str, Any] = {"mode": "composite" if channels > 1 else "grayscale"}
        if len(colours) == channels and any(colours):
            look["LUTs"] = [_table(colour or (255, 255, 255)) for colour in colours]
            look["mode"] = "composite" if channels > 1 else "color"
        if len(self.ranges) == channels:
            look["Ranges"] = tuple(float(end) for span in self.ranges for end in span)
        return look


def _table(colour: Sequence[int]) -> NDArray[np.uint8]:
    """Return the look-up table from black to a colour: (3, 256)."""
    ramp = np.linspace(0, 1, 256)
    table: NDArray[np.uint8] = np.rint(np.outer(colour, ramp)).astype(np.uint8)
    return table


def as_imagej_knows(pixels: Plane) -> Plane:
    """Return pixels in a dtype that ImageJ has; bool becomes 0 and 255, as its masks are."""
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    known = np.float32 if pixels.dtype == np.float16 else pixels.dtype.newbyteorder("=")
    return pixels.astype(known, copy=False)


def write_hyperstack_plane(
    path: Path,
    pixels: Plane,
    *,
    rgb: bool,
    calibration: Calibration,
    provenance: Mapping[str, Any] | None,
    about: ImageAbout,
) -> None:
    """Write one plane, (Y, X) or (Y, X, C); channels become ImageJ's."""
    channels = pixels.ndim == 3 and not rgb
    stored = as_imagej_knows(np.moveaxis(pixels, -1, 0) if channels else pixels)
    spans = [] if rgb else [_span(one) for one in (stored if channels else [stored])]
    ranges = [span for span in spans if span is not None]
    Hyperstack(
        "YXS" if rgb else "CYX" if channels else "YX",
        stored.shape,
        stored.dtype,
        calibration,
        about,
        ranges if len(ranges) == len(spans) else (),
        provenance=provenance,
    ).write(path, np.ascontiguousarray(stored))


def _span(plane: Plane) -> tuple[float, float] | None:
    """Return the lowest and highest finite value; None if there are no two values."""
    finite = plane[np.isfinite(plane)]
    if not finite.size or finite.min() == finite.max():
        return None
    return float(finite.min()), float(finite.max())
