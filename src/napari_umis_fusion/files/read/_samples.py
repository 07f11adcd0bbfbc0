"""Which samples of a TIFF pixel are shown: grey with opacity as colour, further ones left out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from tifffile import EXTRASAMPLE, PHOTOMETRIC, TiffPageSeries

from napari_umis_fusion.runtime import count_noun
from napari_umis_fusion.stack import Plane

_OPACITY = (EXTRASAMPLE.UNASSALPHA, EXTRASAMPLE.ASSOCALPHA)
_GREY = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of a pixel.

    Attributes
    ----------
    shown : tuple of int
        The stored sample of each that is shown; empty where they are shown as they are stored.
    is_premultiplied : bool
        Whether the others are stored multiplied by the last one, the opacity.
    notes : tuple of str
        What is left out, for the user.
    """

    shown: tuple[int, ...] = ()
    is_premultiplied: bool = False
    notes: tuple[str, ...] = ()

    def of(self, part: Plane, axis: int) -> Plane:
        """Return what is shown of stored values, whose samples are along an axis."""
        chosen = np.moveaxis(part, axis, -1)[..., list(self.shown)]
        if self.is_premultiplied:
            chosen = _divided(chosen)
        return np.moveaxis(chosen, -1, axis)


PLAIN = Samples()
"""All samples are shown as they are stored."""


def samples_of(series: TiffPageSeries) -> Samples:
    """Return which samples of a series are shown.

    Grey with opacity is shown as RGBA, as that of PNG; of RGB with more than opacity, the rest is
    left out. Samples that no tag explains are channels.
    """
    sizes = dict(zip(series.axes, series.shape, strict=True))
    page, count = series.keyframe, sizes.get("S", 1)
    extra = tuple(getattr(page, "extrasamples", ()))
    colours = _colours(page.photometric)
    if not colours or count != colours + len(extra):
        return PLAIN
    has_opacity = extra[:1] != () and extra[0] in _OPACITY
    if colours == 1 and not has_opacity:
        return PLAIN
    is_premultiplied = has_opacity and extra[0] == EXTRASAMPLE.ASSOCALPHA
    kept = colours + has_opacity
    notes = () if kept == count or count <= 4 else (_left_out(count - kept),)
    if colours == 3 and not notes and not is_premultiplied:
        return PLAIN
    opacity = (colours,) if has_opacity else ()
    shown = (0, 0, 0) if colours == 1 else (0, 1, 2)
    return Samples((*shown, *opacity), is_premultiplied, notes)


def _colours(photometric: Any) -> int:
    if photometric in _GREY:
        return 1
    return 3 if photometric == PHOTOMETRIC.RGB else 0


def _left_out(count: int) -> str:
    return (
        f"left out: {count_noun(count, 'sample')} of each pixel besides its colour, such as the "
        "selections that image editors save"
    )


def _divided(values: Plane) -> Plane:
    """Divide colours by the opacity, which is their last sample; 0 where it is 0."""
    opacity = values[..., -1:].astype(np.float64)
    is_float = values.dtype.kind == "f"
    # Some programs write opacities up to 255 in floats, too.
    top = np.where(opacity > 1, 255.0, 1.0) if is_float else float(np.iinfo(values.dtype).max)
    factor = np.divide(top, opacity, out=np.zeros_like(opacity), where=opacity > 0)
    colours = values[..., :-1] * factor
    if not is_float:
        colours = np.minimum(np.rint(colours), top)
    return np.concatenate([colours.astype(values.dtype), values[..., -1:]], axis=-1)
