"""The sensor, which stands still while the image moves: pixels, dark corners, dust."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array

OVERSAMPLING = 3
"""Points per pixel and axis. A cubic spline through them preserves 99.8 % of the contrast of the
finest detail that pixels can hold; an odd number has a point in the middle of each pixel."""

_DUST, _HOT = 5, 6  # random streams; 0 to 2 are the camera's, 3 and 4 those of the motion


@dataclass(frozen=True, slots=True)
class Sensor:
    """The pixels of a plane, on the finer grid of a scene that is larger than the plane.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of a plane, in pixels.
    margins : tuple of int
        Margins of the scene around the plane, at both ends of rows and of columns, in pixels.
    """

    shape: tuple[int, int]
    margins: tuple[int, int]

    @property
    def scene_shape(self) -> tuple[int, int]:
        """(Y, X) of the scene in points, `OVERSAMPLING` to a pixel."""
        (height, width), (above, beside) = self.shape, self.margins
        return OVERSAMPLING * (height + 2 * above), OVERSAMPLING * (width + 2 * beside)

    def sample(self, spline: Float32Array, transform: NDArray[np.float64]) -> Float32Array:
        """Sample a scene that was moved.

        Parameters
        ----------
        spline : ndarray of float32, shape (Y, X) or (Y, X, C)
            Cubic spline coefficients of the scene's points, of `spline_of`.
        transform : ndarray of float64, shape (2, 3)
            Transform from the scene to the plane, both in pixels.

        Returns
        -------
        ndarray of float32, shape (Y, X) or (Y, X, C)
            Averages over the area of each pixel.
        """
        back = np.linalg.inv(transform[:, :2])
        # The centre of pixel 0 is the middle of its points, (OVERSAMPLING - 1) / 2 from the first.
        centre = np.full(2, (OVERSAMPLING - 1) / 2)
        first = centre + np.multiply(OVERSAMPLING, self.margins)
        offset = first - back @ (centre + OVERSAMPLING * transform[:, 2])
        size = tuple(OVERSAMPLING * n for n in self.shape)

        def moved(channel: Float32Array) -> Float32Array:
            # Not filtered again: the input is spline coefficients already.
            points = scipy.ndimage.affine_transform(
                channel, back, offset, size, np.float32, order=3, mode="mirror", prefilter=False
            )
            return np.asarray(self._points_of_pixels(points).mean(-1), np.float32)

        if spline.ndim == 2:
            return moved(spline)
        return np.stack([moved(spline[..., c]) for c in range(spline.shape[2])], axis=2)

    def mean_binned(self, points: Float32Array) -> Float32Array:
        """Return the means (Y, X[, C]) over the pixels of a scene that was not moved."""
        return np.asarray(self._points_of_pixels(self._inside(points)).mean(-1), np.float32)

    def median_binned(self, points: Float32Array) -> Float32Array:
        """Return the medians (Y, X) over the pixels: values that occur, even across an edge."""
        return np.asarray(np.median(self._points_of_pixels(self._inside(points)), -1), np.float32)

    def _inside(self, points: Float32Array) -> Float32Array:
        rows, columns = (
            slice(OVERSAMPLING * margin, OVERSAMPLING * (margin + n))
            for margin, n in zip(self.margins, self.shape, strict=True)
        )
        return points[rows, columns]

    def _points_of_pixels(self, points: Float32Array) -> Float32Array:
        """Return the points inside the plane as (Y, X[, C], points of a pixel)."""
        height, width = self.shape
        channels = points.shape[2:]
        split = points.reshape(height, OVERSAMPLING, width, OVERSAMPLING, *channels)
        last = np.moveaxis(split, (1, 3), (-2, -1))
        return last.reshape(height, width, *channels, OVERSAMPLING**2)


def spline_of(points: Float32Array) -> Float32Array:
    """Return the cubic spline coefficients of points (Y, X[, C])."""
    for axis in (0, 1):
        points = scipy.ndimage.spline_filter1d(points, 3, axis, np.float32, "mirror")
    return points


def shading(shape: tuple[int, int], vignetting: float, dust_spots: int, seed: int) -> Float32Array:
    """Return the share of light (Y, X) that reaches each pixel.

    It falls with the square of the distance from the centre, to 1 - `vignetting` in the
    corners. A spot of dust absorbs 20 to 50 % in its middle; its sigma is 2 to 5 pixels.
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    middle = [(n - 1) / 2 for n in shape]
    distance = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2
    light = 1 - vignetting * distance / max(middle[0] ** 2 + middle[1] ** 2, 1)
    rng = np.random.default_rng([seed, _DUST])
    for _ in range(dust_spots):
        row, column = rng.uniform(0, 1, 2) * shape
        taken, sigma = rng.uniform(0.2, 0.5), rng.uniform(2, 5)
        spot = ((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2)
        light *= 1 - taken * np.exp(-spot)
    return np.asarray(light, np.float32)


def hot_pixels(shape: tuple[int, int], count: int, seed: int) -> NDArray[np.bool_]:
    """Return a mask (Y, X) of `count` pixels that are always white."""
    pixels = shape[0] * shape[1]
    if count > pixels:
        raise ConfigError(
            f"hot_pixels is {count}, but a plane of {shape} has {pixels} pixels; give fewer."
        )
    hot = np.zeros(pixels, bool)
    hot[np.random.default_rng([seed, _HOT]).choice(pixels, count, replace=False)] = True
    return hot.reshape(shape)
