"""Local energy of detail at each pixel, as numba kernels.

Each takes a grey image with a border as wide as the kernel's radius and fills the valid part.
"""

import numpy as np

from napari_umis_fusion.focus_measure._convolution import Taps, convolve_columns, convolve_rows
from napari_umis_fusion.runtime import AnyArray, FloatMap, kernel


def laplacian_of_gaussian(grey: FloatMap, gaussian: Taps, second: Taps) -> FloatMap:
    """Return |Laplacian of Gaussian|, from (H + 2 r, W + 2 r) to (H, W)."""
    reach = 2 * (gaussian.size - 1)
    height, width = grey.shape[0] - reach, grey.shape[1] - reach
    rows = np.empty((grey.shape[0], width), np.float32)
    along_x = np.empty((height, width), np.float32)
    along_y = np.empty((height, width), np.float32)
    convolve_rows(grey, second, rows)
    convolve_columns(rows, gaussian, along_x)
    convolve_rows(grey, gaussian, rows)
    convolve_columns(rows, second, along_y)
    along_x += along_y
    return np.abs(along_x, out=along_x)


@kernel
def squared_differences(grey: AnyArray, out: AnyArray) -> None:
    """Fill `out` with the summed squared differences from the left and upper pixel; radius 1."""
    for y in range(out.shape[0]):
        above, row, target = grey[y], grey[y + 1], out[y]
        for x in range(out.shape[1]):
            dx = row[x + 1] - row[x]
            dy = row[x + 1] - above[x + 1]
            target[x] = dx * dx + dy * dy


@kernel
def squared_sobel(grey: AnyArray, out: AnyArray) -> None:
    """Fill `out` with the squared Sobel gradient, 1 on a ramp of slope 1; radius 1."""
    for y in range(out.shape[0]):
        above, row, below, target = grey[y], grey[y + 1], grey[y + 2], out[y]
        for x in range(out.shape[1]):
            right = above[x + 2] + np.float32(2) * row[x + 2] + below[x + 2]
            left = above[x] + np.float32(2) * row[x] + below[x]
            down = below[x] + np.float32(2) * below[x + 1] + below[x + 2]
            up = above[x] + np.float32(2) * above[x + 1] + above[x + 2]
            gx = right - left
            gy = down - up
            target[x] = (gx * gx + gy * gy) * np.float32(1 / 64)


@kernel
def modified_laplacian(grey: AnyArray, out: AnyArray) -> None:
    """Fill `out` with the sum of absolute second differences along x and y; radius 1."""
    for y in range(out.shape[0]):
        above, row, below, target = grey[y], grey[y + 1], grey[y + 2], out[y]
        for x in range(out.shape[1]):
            twice = np.float32(2) * row[x + 1]
            target[x] = abs(twice - row[x] - row[x + 2]) + abs(twice - above[x + 1] - below[x + 1])


@kernel
def square_root(image: AnyArray) -> None:
    """Replace each value by its square root, in place; negative rounding errors become 0."""
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            image[y, x] = np.sqrt(max(image[y, x], np.float32(0)))


@kernel
def fill_standard_deviation(mean: AnyArray, mean_square: AnyArray, out: AnyArray) -> None:
    """Fill `out` with sqrt(mean_square - mean ** 2)."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            variance = mean_square[y, x] - mean[y, x] * mean[y, x]
            out[y, x] = np.sqrt(max(variance, np.float32(0)))
