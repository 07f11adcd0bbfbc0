"""Metrics of an all-in-focus image relative to its stack."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.ndimage
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.metrics._grey_levels import (
    LEVELS,
    BlackWhite,
    bits,
    check_finite,
    check_same_shape,
    grey_range_of,
    read_pixels,
    sobel,
    to_grey_levels,
    to_levels,
)

_FALSE_EDGE_MARGIN = 2.0  # grey levels of 0 to 255


class _Logistic(NamedTuple):
    """Logistic curve of Q^AB/F: top / (1 + exp(slope (value - middle)))."""

    top: float
    slope: float
    middle: float

    def __call__(self, value: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self.top / (1 + np.exp(self.slope * (value - self.middle))))


# Constants as published.
_STRENGTH_KEPT = _Logistic(0.9994, -15, 0.5)
_ORIENTATION_KEPT = _Logistic(0.9879, -22, 0.8)


class _Edges(NamedTuple):
    strength: NDArray[np.float32]
    angle: NDArray[np.float32]


def false_edge_rate(
    all_in_focus: ArrayLike, stack: Iterable[ArrayLike], *, grey_range: BlackWhite | None = None
) -> float:
    """Return the share of pixels, 0 to 1, with an edge that no plane of the stack has.

    An edge is false where its gradient magnitude (Sobel / 8, on grey from 0 to 255) exceeds the
    largest gradient that any plane has within 3 x 3 pixels by more than 2 grey levels.

    Rewards wrongly: blur, and a single plane, which have no false edges. Read it together with a
    measure of sharpness.

    Parameters
    ----------
    all_in_focus : array-like of shape (Y, X) or (Y, X, C)
        The fused image.
    stack : iterable of array-like
        Its planes (Y, X[, C]), read one at a time: an array, a `Stack`, a generator.
    grey_range : (float, float), optional
        Black and white of both. By default the limits of the image's dtype; needed for floats.

    Raises
    ------
    ConfigError
        If a float image has no `grey_range`, or the range is empty.
    StackError
        If there is no plane, a plane has another shape, or values are not finite.
    """
    image = read_pixels(all_in_focus)
    grey_range = grey_range_of(image, grey_range)
    fused = _strength(image, grey_range)
    largest = np.zeros_like(fused)
    for plane in _planes_like(image, stack):
        np.maximum(largest, _strength(plane, grey_range), out=largest)
    allowed = scipy.ndimage.maximum_filter(largest, size=3, mode="nearest")
    return float(np.mean(fused > allowed + _FALSE_EDGE_MARGIN))


def edge_preservation(
    all_in_focus: ArrayLike, stack: Iterable[ArrayLike], *, grey_range: BlackWhite | None = None
) -> float:
    """Return Q^AB/F: how well the edges of all planes are preserved, 0 to 0.975.

    As published [1]_, for any number of sources: the strength and the orientation of each
    plane's Sobel edges are compared with those of the fused image, both pass a logistic curve, and
    the products are averaged over pixels and planes with the plane's edge strength as weight
    (L = 1). Orientation has no sign, so that angles differ by 90° at most: a gradient and its
    opposite agree. With the published constants, an image that preserves all edges has 0.975.

    Rewards wrongly: blur. The metric was made for two sources that show different objects; the
    planes of a stack show the same objects, mostly out of focus, and the metric demands that the
    blur of each is preserved. A plain mean of the planes scores above the truth, and the score of
    a sharp image falls with every additional plane. Never rank fusions of a z-stack by it.

    Parameters
    ----------
    all_in_focus : array-like of shape (Y, X) or (Y, X, C)
        The fused image.
    stack : iterable of array-like
        Its planes (Y, X[, C]), read one at a time: an array, a `Stack`, a generator.
    grey_range : (float, float), optional
        Black and white of both. By default the limits of the image's dtype; needed for floats.

    Raises
    ------
    ConfigError
        If a float image has no `grey_range`, or the range is empty.
    StackError
        If there is no plane, a plane has another shape, values are not finite, or no plane has
        an edge.

    References
    ----------
    .. [1] C. S. Xydeas and V. Petrovic, "Objective image fusion performance measure", Electron.
       Lett. 36 (2000), https://doi.org/10.1049/el:20000267
    """
    image = read_pixels(all_in_focus)
    grey_range = grey_range_of(image, grey_range)
    fused = _edges(image, grey_range)
    kept = total = 0.0
    for plane in _planes_like(image, stack):
        edges = _edges(plane, grey_range)
        # In double precision, since the sums are over millions of pixels.
        kept += float((edges.strength * _kept(edges, fused)).sum(dtype=np.float64))
        total += float(edges.strength.sum(dtype=np.float64))
    if total == 0:
        raise StackError("no plane has an edge; accepted are planes that are not flat.")
    return kept / total


def mutual_information(
    all_in_focus: ArrayLike, stack: Iterable[ArrayLike], *, grey_range: BlackWhite | None = None
) -> float:
    """Return the mutual information of the planes and the fused image, in bits.

    The published sum over two sources [1]_, extended to all planes: for each, the entropies of
    the 256 grey levels of the plane and of the fused image, minus that of their joint histogram.
    It is 0 or more and grows with the number of planes, so that it compares only fusions of the
    same stack.

    Rewards wrongly: the copy of one plane, which shares all of its entropy with that plane, and
    noise that is copied. An invertible map of grey levels, such as inverted contrast, does not
    change it; and small images raise it, as they cannot fill 65536 pairs of levels.

    Parameters
    ----------
    all_in_focus : array-like of shape (Y, X) or (Y, X, C)
        The fused image.
    stack : iterable of array-like
        Its planes (Y, X[, C]), read one at a time: an array, a `Stack`, a generator.
    grey_range : (float, float), optional
        Black and white of both. By default the limits of the image's dtype; needed for floats.

    Raises
    ------
    ConfigError
        If a float image has no `grey_range`, or the range is empty.
    StackError
        If there is no plane, a plane has another shape, or values are not finite.

    References
    ----------
    .. [1] G. Qu, D. Zhang and P. Yan, "Information measure for performance of image fusion",
       Electron. Lett. 38 (2002), https://doi.org/10.1049/el:20020212
    """
    image = read_pixels(all_in_focus)
    grey_range = grey_range_of(image, grey_range)
    fused = to_levels(to_grey_levels(image, grey_range))
    planes = (to_levels(to_grey_levels(plane, grey_range)) for plane in _planes_like(image, stack))
    return sum(_shared_bits(plane, fused) for plane in planes)


def _planes_like(image: NDArray[Any], stack: Iterable[ArrayLike]) -> Iterator[NDArray[Any]]:
    """Yield the planes of a stack; raise if one has not the image's shape, or there is none."""
    count = 0
    for count, plane in enumerate(stack, start=1):
        pixels = np.asarray(plane)
        check_same_shape(f"plane {count - 1}", pixels.shape, "all_in_focus", image.shape)
        check_finite(f"plane {count - 1}", pixels)
        yield pixels
    if count == 0:
        raise StackError("the stack has no planes; accepted is at least one.")


def _strength(image: NDArray[Any], grey_range: BlackWhite) -> NDArray[np.float32]:
    along_y, along_x = sobel(to_grey_levels(image, grey_range))
    return np.asarray(np.hypot(along_y, along_x))


def _edges(image: NDArray[Any], grey_range: BlackWhite) -> _Edges:
    along_y, along_x = sobel(to_grey_levels(image, grey_range))
    return _Edges(np.hypot(along_y, along_x), np.arctan2(along_y, along_x))


def _kept(plane: _Edges, fused: _Edges) -> NDArray[np.float32]:
    weaker = np.minimum(plane.strength, fused.strength)
    stronger = np.maximum(plane.strength, fused.strength)
    ratio = np.divide(weaker, stronger, out=np.zeros_like(stronger), where=stronger > 0)
    angle = np.abs(plane.angle - fused.angle) % np.float32(np.pi)
    alignment = 1 - np.minimum(angle, np.float32(np.pi) - angle) / np.float32(np.pi / 2)
    return _STRENGTH_KEPT(ratio) * _ORIENTATION_KEPT(alignment)


def _shared_bits(plane: NDArray[np.uint8], fused: NDArray[np.uint8]) -> float:
    pairs = plane.astype(np.intp) * LEVELS + fused
    joint = np.bincount(pairs.ravel(), minlength=LEVELS**2).reshape(LEVELS, LEVELS)
    # Rounding may give a small negative number for independent images.
    return max(0.0, bits(joint.sum(axis=1)) + bits(joint.sum(axis=0)) - bits(joint))
