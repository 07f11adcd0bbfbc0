"""Metrics of an all-in-focus image and an index map relative to the truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.metrics._grey_levels import check_finite, check_same_shape


@dataclass(frozen=True, slots=True)
class IndexDeviation:
    """Deviation of an index map from the true depth.

    Attributes
    ----------
    mean_planes : float
        Mean absolute error, in planes.
    share_off : float
        Share of pixels, 0 to 1, that deviate by more than one plane.
    """

    mean_planes: float
    share_off: float


def psnr(all_in_focus: ArrayLike, truth: ArrayLike, *, data_range: float) -> float:
    """Return the peak signal-to-noise ratio, in dB; infinite if the images are equal.

    Rewards wrongly: blur in flat or noisy regions (errors are averaged over the image, and most
    of it has no edge); a false edge costs next to nothing.

    Parameters
    ----------
    all_in_focus, truth : array-like of shape (Y, X) or (Y, X, C)
        The fused image and the truth, in the same grey levels.
    data_range : float
        Grey levels from black to white.

    Raises
    ------
    StackError
        If the shapes differ, or a value is not finite.
    ConfigError
        If `data_range` is not positive.
    """
    from skimage.metrics import peak_signal_noise_ratio

    image, known = _pair(all_in_focus, truth, data_range)
    # scikit-image would warn of a division by 0.
    if np.array_equal(image, known):
        return float("inf")
    ratio = peak_signal_noise_ratio(known, image, data_range=data_range)  # type: ignore[no-untyped-call]
    return float(ratio)


def ssim(all_in_focus: ArrayLike, truth: ArrayLike, *, data_range: float) -> float:
    """Return the mean structural similarity, 1 for equal images, averaged over channels.

    Gaussian window with a sigma of 1.5 px and population covariance, as published [1]_.

    Rewards wrongly: flatness without noise (the slightest noise in a flat region costs as much as
    a lost edge), and therefore smoothing.

    Parameters
    ----------
    all_in_focus, truth : array-like of shape (Y, X) or (Y, X, C)
        The fused image and the truth, in the same grey levels; at least 11 x 11.
    data_range : float
        Grey levels from black to white.

    Returns
    -------
    float
        From -1 to 1.

    Raises
    ------
    StackError
        If the shapes differ, a side is below 11 px, or a value is not finite.
    ConfigError
        If `data_range` is not positive.

    References
    ----------
    .. [1] Z. Wang et al., "Image quality assessment: from error visibility to structural
       similarity", IEEE Trans. Image Process. 13 (2004), https://doi.org/10.1109/TIP.2003.819861
    """
    from skimage.metrics import structural_similarity

    image, known = _pair(all_in_focus, truth, data_range)
    if min(image.shape[:2]) < 11:
        raise StackError(
            f"the image has shape {image.shape}; SSIM accepts 11 x 11 px and more: use PSNR."
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

    Rewards wrongly: smooth maps. Without texture any plane is as good as another, yet counts as
    an error; at occlusions the best plane is not the true depth, because the defocused foreground
    covers the plane behind it.

    Parameters
    ----------
    index_map : array-like of shape (Y, X)
        An index map, or a sub-plane map.
    truth : array-like of shape (Y, X)
        True depth in planes, which may be fractions.
    where : array-like of bool, shape (Y, X), optional
        The pixels to count; by default all.

    Returns
    -------
    IndexDeviation
        Mean deviation in planes, and the share of pixels off by more than one.

    Raises
    ------
    StackError
        If the shapes differ, no pixel is left to count, or a value is not finite.
    """
    index, known = np.asarray(index_map, np.float64), np.asarray(truth, np.float64)
    check_same_shape("index_map", index.shape, "truth", known.shape)
    deviation = np.abs(index - known)
    if where is not None:
        counted = np.asarray(where, bool)
        check_same_shape("where", counted.shape, "truth", known.shape)
        deviation = deviation[counted]
    if deviation.size == 0:
        raise StackError("no pixel is left to count; accepted is at least one in `where`.")
    check_finite("index_map or truth", deviation)
    return IndexDeviation(float(deviation.mean()), float((deviation > 1).mean()))


def _pair(
    image: ArrayLike, truth: ArrayLike, data_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    fused, known = np.asarray(image, np.float64), np.asarray(truth, np.float64)
    check_same_shape("all_in_focus", fused.shape, "truth", known.shape)
    if not (np.isfinite(data_range) and data_range > 0):
        raise ConfigError(
            f"data_range is {data_range!r}; accepted is a positive number of grey levels, from "
            "black to white."
        )
    check_finite("all_in_focus", fused)
    check_finite("truth", known)
    return fused, known
