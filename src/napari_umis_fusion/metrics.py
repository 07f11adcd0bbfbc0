"""How good an all-in-focus image and an index map are, and what each number rewards wrongly.

`psnr`, `ssim` and `index_error` need a known answer, as the stacks of
`napari_umis_fusion.synthetic` have. `false_edge_rate` needs only the stack. `average_gradient` and
`spatial_frequency` need nothing, and the noisiest image always wins them: never claim quality with
those two alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.stack import LUMINANCE

GreyRange = tuple[float, float]

_ITU_R_601 = np.array(LUMINANCE, np.float32)
_FALSE_EDGE_MARGIN = 2.0  # grey levels of 0 to 255


@dataclass(frozen=True, slots=True)
class IndexDeviation:
    """How far an index map is from the true depth.

    Attributes
    ----------
    mean_planes : float
        Mean absolute error, in planes.
    share_off : float
        Share of pixels, 0 to 1, that are off by more than one plane.
    """

    mean_planes: float
    share_off: float


def psnr(all_in_focus: ArrayLike, truth: ArrayLike, *, data_range: float) -> float:
    """Return the peak signal-to-noise ratio, in dB; infinite where the images are equal.

    Rewards wrongly: blur in flat or noisy regions (errors are averaged over the image, and most
    of it has no edge); a false seam costs next to nothing.

    Parameters
    ----------
    all_in_focus, truth : array-like of shape (Y, X) or (Y, X, C)
        The fused image and the known answer, in the same grey levels.
    data_range : float
        Grey levels from black to white.
    """
    from skimage.metrics import peak_signal_noise_ratio

    image, known = _pair(all_in_focus, truth, data_range)
    if np.array_equal(image, known):
        return float("inf")
    ratio = peak_signal_noise_ratio(known, image, data_range=data_range)  # type: ignore[no-untyped-call]
    return float(ratio)


def ssim(all_in_focus: ArrayLike, truth: ArrayLike, *, data_range: float) -> float:
    """Return the mean structural similarity, 1 for equal images, averaged over channels.

    Gaussian window with a sigma of 1.5 px and population covariance, as published [1]_.

    Rewards wrongly: exact noise-free flatness (the least grain in a flat region costs as much as
    a lost edge), so it favours whatever smooths.

    Parameters
    ----------
    all_in_focus, truth : array-like of shape (Y, X) or (Y, X, C)
        The fused image and the known answer, in the same grey levels; at least 11 x 11.
    data_range : float
        Grey levels from black to white.

    References
    ----------
    .. [1] Z. Wang et al., "Image quality assessment: from error visibility to structural
       similarity", IEEE Trans. Image Process. 13 (2004), https://doi.org/10.1109/TIP.2003.819861
    """
    from skimage.metrics import structural_similarity

    image, known = _pair(all_in_focus, truth, data_range)
    if min(image.shape[:2]) < 11:
        raise StackError(
            f"the image has shape {image.shape}; SSIM accepts 11 x 11 and larger: take PSNR."
        )
    similarity = structural_similarity(  # type: ignore[no-untyped-call]
        known,
        image,
        data_range=data_range,
        channel_axis=None if image.ndim == 2 else 2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(similarity)


def index_error(
    index_map: ArrayLike, truth: ArrayLike, *, where: ArrayLike | None = None
) -> IndexDeviation:
    """Return how far an index map is from the true depth in planes.

    Rewards wrongly: smooth maps. Where nothing has texture any plane is as good as another, yet
    counts as an error; at occlusions the best plane is not the true depth, because the blurred
    foreground veils the plane behind it.

    Parameters
    ----------
    index_map : array-like of shape (Y, X)
        An index map, or a sub-plane map.
    truth : array-like of shape (Y, X)
        True depth in planes, fractions welcome.
    where : array-like of bool, shape (Y, X), optional
        The pixels to count; by default all.
    """
    index, known = np.asarray(index_map, np.float64), np.asarray(truth, np.float64)
    _check_same_shape("index_map", index.shape, "truth", known.shape)
    deviation = np.abs(index - known)
    if where is not None:
        counted = np.asarray(where, bool)
        _check_same_shape("where", counted.shape, "truth", known.shape)
        deviation = deviation[counted]
    if deviation.size == 0:
        raise StackError("no pixel is left to count; give at least one.")
    return IndexDeviation(float(deviation.mean()), float((deviation > 1).mean()))


def false_edge_rate(
    all_in_focus: ArrayLike, stack: Iterable[ArrayLike], *, grey_range: GreyRange | None = None
) -> float:
    """Return the share of pixels, 0 to 1, with an edge that no plane of the stack has.

    An edge is false where its gradient magnitude (Sobel / 8, on grey from 0 to 255) exceeds the
    largest gradient that any plane has within 3 x 3 pixels by more than 2 grey levels.

    Rewards wrongly: blur and a single plane, which have no false edge at all. Read it beside a
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
        For a float image without `grey_range`, or a range that is empty.
    StackError
        For no plane, or a plane of another shape.
    """
    image = np.asarray(all_in_focus)
    grey_range = _grey_range(image, grey_range)
    fused = _gradient(image, grey_range)
    largest = np.zeros_like(fused)
    count = 0
    for count, plane in enumerate(stack, start=1):
        pixels = np.asarray(plane)
        _check_same_shape(f"plane {count - 1}", pixels.shape, "all_in_focus", image.shape)
        np.maximum(largest, _gradient(pixels, grey_range), out=largest)
    if count == 0:
        raise StackError("the stack has no planes; give at least one.")
    allowed = scipy.ndimage.maximum_filter(largest, size=3, mode="nearest")
    return float(np.mean(fused > allowed + _FALSE_EDGE_MARGIN))


def average_gradient(image: ArrayLike, *, grey_range: GreyRange | None = None) -> float:
    """Return the average gradient: mean of sqrt((dx^2 + dy^2) / 2), on grey from 0 to 255.

    Forward differences over the (Y - 1) x (X - 1) pixels that have both.

    Rewards wrongly: noise, false seams, ringing and any sharpening.

    Parameters
    ----------
    image : array-like of shape (Y, X) or (Y, X, C)
        At least 2 x 2.
    grey_range : (float, float), optional
        Black and white. By default the limits of the dtype; needed for floats.
    """
    grey = _differentiable(image, grey_range)
    along_x = grey[:-1, 1:] - grey[:-1, :-1]
    along_y = grey[1:, :-1] - grey[:-1, :-1]
    return float(np.sqrt((along_x**2 + along_y**2) / 2).mean())


def spatial_frequency(image: ArrayLike, *, grey_range: GreyRange | None = None) -> float:
    """Return the spatial frequency: sqrt(RF^2 + CF^2), on grey from 0 to 255.

    RF^2 and CF^2 are the sums of squared differences to the left and to the top neighbour, over
    the pixels that have both, divided by Y X.

    Rewards wrongly: what `average_gradient` does, and a few strong edges more than fine texture.

    Parameters
    ----------
    image : array-like of shape (Y, X) or (Y, X, C)
        At least 2 x 2.
    grey_range : (float, float), optional
        Black and white. By default the limits of the dtype; needed for floats.
    """
    grey = _differentiable(image, grey_range)
    left = grey[1:, 1:] - grey[1:, :-1]
    top = grey[1:, 1:] - grey[:-1, 1:]
    return float(np.sqrt(((left**2).sum() + (top**2).sum()) / grey.size))


def _pair(
    image: ArrayLike, truth: ArrayLike, data_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    fused, known = np.asarray(image, np.float64), np.asarray(truth, np.float64)
    _check_same_shape("all_in_focus", fused.shape, "truth", known.shape)
    if not (np.isfinite(data_range) and data_range > 0):
        raise ConfigError(f"data_range is {data_range!r}; give the grey levels black to white.")
    return fused, known


def _check_same_shape(
    name: str, shape: tuple[int, ...], other: str, accepted: tuple[int, ...]
) -> None:
    if shape != accepted:
        raise StackError(f"{name} has shape {shape}; accepted is that of {other}, {accepted}.")


def _grey_range(image: NDArray[Any], grey_range: GreyRange | None) -> GreyRange:
    if grey_range is not None:
        low, high = grey_range
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ConfigError(f"grey_range is {grey_range!r}; give (black, white), black first.")
        return float(low), float(high)
    if image.dtype == bool:
        return 0.0, 1.0
    if not np.issubdtype(image.dtype, np.integer):
        raise ConfigError(
            f"the image is {image.dtype}, whose black and white are unknown; "
            "give grey_range=(black, white)."
        )
    return float(np.iinfo(image.dtype).min), float(np.iinfo(image.dtype).max)


def _grey(image: NDArray[Any], grey_range: GreyRange) -> NDArray[np.float32]:
    """Scale to 0..255; luminance of RGB and RGBA, the mean of any other channels."""
    low, high = grey_range
    pixels = image.astype(np.float32)
    if pixels.ndim == 3:
        colour = pixels.shape[2] in (3, 4)
        pixels = pixels[..., :3] @ _ITU_R_601 if colour else pixels.mean(axis=2)
    return np.asarray((pixels - np.float32(low)) * np.float32(255 / (high - low)))


def _gradient(image: NDArray[Any], grey_range: GreyRange) -> NDArray[np.float32]:
    grey = _grey(image, grey_range)
    along_y, along_x = (scipy.ndimage.sobel(grey, axis, mode="nearest") for axis in (0, 1))
    return np.asarray(np.hypot(along_y, along_x) / np.float32(8))


def _differentiable(image: ArrayLike, grey_range: GreyRange | None) -> NDArray[np.float64]:
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3) or min(pixels.shape[:2]) < 2:
        raise StackError(f"the image has shape {pixels.shape}; accepted is (Y, X[, C]) from 2 x 2.")
    return _grey(pixels, _grey_range(pixels, grey_range)).astype(np.float64)
