"""Pixels that no plane shows in focus: where they are, and which depth stands there."""

from typing import Literal, get_args

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import BoolMap, Float64Array, FloatMap
from napari_umis_fusion.surface import sample_map

DepthFill = Literal["decided", "around", "none"]
"""Depth where nothing is in focus: as decided, interpolated from around, or none (NaN)."""

MIN_FACTOR = 3.0
"""Smallest ratio between the mean focus of the two parts of the histogram."""

DEEPEST_VALLEY = 0.8
"""Two peaks of a histogram are two kinds of areas if the valley between them is lower than this
share of the lower one. Textures of all contrasts make one broad peak."""

WIDEST_FLOOR = 0.3
"""Areas without detail show noise. The logarithm of its focus falls off on the left within about
0.05 to 0.25 (standard deviation from the peak), that of textures within 0.4 and more."""

LEAST_TAIL = 1.5
"""How many times wider the right side of the peak is than the left, where structure adds to it."""

MIN_FACTOR_OF_STRUCTURE = 2.0
"""Smallest ratio between the mean focus of the tail and the peak of noise, which is narrow."""

NOTHING = 1e-6
"""Share of the highest focus below which there is no detail, but rounding and the window's tail."""

_BINS = 64
_FLOOR_SIGMAS = 3


def find_focus_threshold(focus: FloatMap) -> float:
    """Return the focus that separates structure from background.

    The histogram of the logarithm of focus either has two peaks, and is split in two [1]_; or one
    peak that is narrow on the left and has a long tail on the right: noise, with structure above.

    Parameters
    ----------
    focus : ndarray, float32
        Highest focus of all planes, as `FusionResult.focus_map` holds it.

    Returns
    -------
    float
        If the histogram has neither form, only places without any detail are background: a
        millionth of the highest focus; 0 if there are none.

    References
    ----------
    .. [1] Otsu, N., "A threshold selection method from gray-level histograms", IEEE TSMC
       9(1), 1979. https://doi.org/10.1109/TSMC.1979.4310076
    """
    nothing = np.float32(NOTHING) * focus.max(initial=0.0)
    if nothing == 0:
        return 0.0
    # places without any detail, as images without noise have them, need no histogram
    some = focus[focus >= nothing]
    surely = float(nothing) if some.size < focus.size else 0.0
    logarithm = np.log(some)
    # Two kinds of areas would differ more; and so few values may have no histogram.
    if np.ptp(logarithm) < np.log(MIN_FACTOR_OF_STRUCTURE):
        return surely
    cut = _between_peaks(logarithm)
    if cut is None:
        cut = _above_noise(logarithm)
    return surely if cut is None else float(np.exp(cut))


def _between_peaks(logarithm: FloatMap) -> float | None:
    """Return what splits a histogram with two peaks; None for one peak, or if they are close."""
    from skimage.filters import threshold_otsu

    cut = float(threshold_otsu(logarithm))  # type: ignore[no-untyped-call]
    above, below = logarithm[logarithm > cut], logarithm[logarithm <= cut]
    if above.size == 0 or above.mean() - below.mean() < np.log(MIN_FACTOR):
        return None
    counts, centres = _histogram(logarithm)
    middle = min(max(int(np.searchsorted(centres, cut)), 1), _BINS - 1)
    left, right = int(counts[:middle].argmax()), middle + int(counts[middle:].argmax())
    valley = counts[left : right + 1].min()
    return cut if valley < DEEPEST_VALLEY * min(counts[left], counts[right]) else None


def _above_noise(logarithm: FloatMap) -> float | None:
    """Return what exceeds a narrow peak of noise with a long tail; None if there is none."""
    counts, centres = _histogram(logarithm)
    peak = float(centres[counts.argmax()])
    left, right = (
        float(np.sqrt(np.mean((side - peak) ** 2)))
        for side in (logarithm[logarithm < peak], logarithm[logarithm >= peak])
    )
    cut = peak + _FLOOR_SIGMAS * left
    above = logarithm[logarithm > cut]
    is_floor = left < WIDEST_FLOOR and right > LEAST_TAIL * left
    is_far = above.size > 0 and above.mean() - peak >= np.log(MIN_FACTOR_OF_STRUCTURE)
    return cut if is_floor and is_far else None


def _histogram(logarithm: FloatMap) -> tuple[Float64Array, Float64Array]:
    """Return smoothed counts, and the centres of the bins."""
    counts, edges = np.histogram(logarithm, _BINS)
    smooth = np.convolve(counts, (0.25, 0.5, 0.25), "same")
    return smooth, (edges[1:] + edges[:-1]) / 2


def fill_depth(depth: FloatMap, never: BoolMap, fill: DepthFill) -> FloatMap:
    """Return a depth map with another depth where nothing is in focus.

    Parameters
    ----------
    depth : ndarray of shape (Y, X), float32
        Depth as decided, in any unit; NaN where it is unknown.
    never : ndarray of shape (Y, X), bool
        The pixels that no plane shows in focus.
    fill : DepthFill
        'decided' returns `depth` itself; 'none' puts NaN there; 'around' interpolates smoothly
        between the pixels around, and leaves NaN if there are none.

    Raises
    ------
    ConfigError
        If `fill` is none of these.
    """
    if fill not in get_args(DepthFill):
        raise ConfigError(f"fill={fill!r}; accepted are {', '.join(get_args(DepthFill))}.")
    if fill == "decided" or not never.any():
        return depth
    unknown = np.where(never, np.float32(np.nan), depth)
    if fill == "none":
        return unknown
    filled: FloatMap = np.where(never, _interpolated(unknown), depth)
    return filled


def _interpolated(depth: FloatMap) -> FloatMap:
    """Fill NaN by means of ever larger blocks of known pixels, interpolated between blocks.

    Each level halves the map, so that the work is proportional to the number of pixels.
    """
    known = np.isfinite(depth)
    if known.all() or not known.any():
        return depth
    coarse = _interpolated(_halved(depth))
    whole: FloatMap = np.where(known, depth, _doubled(coarse, depth.shape))
    return whole


def _halved(depth: FloatMap) -> FloatMap:
    """Return the mean of the known pixels in blocks of 2 x 2; NaN where none is known."""
    height, width = (size + size % 2 for size in depth.shape)
    padded = np.full((height, width), np.nan, np.float32)
    padded[: depth.shape[0], : depth.shape[1]] = depth
    blocks = padded.reshape(height // 2, 2, width // 2, 2)
    count = np.isfinite(blocks).sum((1, 3))
    total = np.nan_to_num(blocks, nan=0.0, posinf=0.0, neginf=0.0).sum((1, 3), dtype=np.float64)
    mean = np.full(count.shape, np.nan, np.float32)
    np.divide(total, count, out=mean, where=count > 0, casting="same_kind")
    return mean


def _doubled(coarse: FloatMap, shape: tuple[int, ...]) -> FloatMap:
    """Interpolate linearly between the centres of blocks of 2 x 2 pixels."""
    rows, columns = ((np.arange(size) - 0.5) / 2 for size in shape)
    return sample_map(coarse, rows, columns)
