"""What the scenes are made of: photographs that scikit-image ships, and drawn shapes."""

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray
from skimage import data
from skimage.transform import resize

from napari_umis_fusion.stack import LUMINANCE
from napari_umis_fusion.synthetic import SceneOptions, smooth_field

Floats = NDArray[np.float32]


def picture(view: SceneOptions, name: str) -> Floats:
    """Return a photograph of `skimage.data`, 0 to 1, cropped about its centre or mirrored."""
    return coloured(view, fitted(view, np.asarray(getattr(data, name)(), np.float32) / 255))


def coloured(view: SceneOptions, image: Floats) -> Floats:
    """Return a picture with the channels of the view."""
    if image.ndim == 3 and view.channels is None:
        return np.asarray(image @ np.array(LUMINANCE, np.float32))
    if image.ndim == 2 and view.channels is not None:
        return np.repeat(image[..., None], view.channels, axis=2)
    return image


def fitted(view: SceneOptions, image: Floats) -> Floats:
    """Return the middle of a picture, mirrored where it is smaller than the view."""
    missing = [max(0, n - m) for n, m in zip(view.shape, image.shape, strict=False)]
    margins = [(n // 2, n - n // 2) for n in missing] + [(0, 0)] * (image.ndim - 2)
    image = np.pad(image, margins, mode="symmetric")
    top, left = ((m - n) // 2 for n, m in zip(view.shape, image.shape, strict=False))
    return image[top : top + view.shape[0], left : left + view.shape[1]]


def motorcycle(view: SceneOptions, scale: float, left: float) -> tuple[Floats, Floats]:
    """Return a photograph and its disparity, measured with structured light [1]_.

    The picture is scaled by `scale` at a width of 512 px, and cut where `left` (0 to 1) says.
    Disparity is 0 (far) to 1 (near); where it was not measured, that of the nearest pixel.

    References
    ----------
    .. [1] D. Scharstein et al., "High-resolution stereo datasets with subpixel-accurate ground
       truth", GCPR (2014), https://doi.org/10.1007/978-3-319-11752-2_3
    """
    photograph, _, disparity = data.stereo_motorcycle()
    shape = [round(n * scale * view.shape[1] / 512) for n in disparity.shape]
    near = resize(_without_holes(disparity), shape, order=0, preserve_range=True)
    light = resize(photograph, shape, order=1, anti_aliasing=True)
    top = (shape[0] - view.shape[0]) // 2
    start = round(left * (shape[1] - view.shape[1]))
    cut = slice(top, top + view.shape[0]), slice(start, start + view.shape[1])
    near = (near[cut] - near[cut].min()) / np.ptp(near[cut])
    return coloured(view, np.asarray(light[cut], np.float32)), np.asarray(near, np.float32)


def _without_holes(disparity: Floats) -> Floats:
    filled = nearest_of(disparity, np.isfinite(disparity))
    return np.asarray(scipy.ndimage.median_filter(filled, 5), np.float32)


def nearest_of(image: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the image with every unknown pixel taken from the nearest known one."""
    rows, columns = scipy.ndimage.distance_transform_edt(
        ~known, return_distances=False, return_indices=True
    )
    return image[rows, columns]


def cover_where(distance_px: Floats) -> Floats:
    """Return the antialiased cover, 0 to 1, of where a signed distance is positive."""
    return np.asarray(np.clip(distance_px + 0.5, 0, 1), np.float32)


def blobs(view: SceneOptions, share: float, waves: float) -> Floats:
    """Return the cover of irregular blobs that fill about a share of the view."""
    field = smooth_field(view.rng, view.shape, 0, 1, waves)
    level = np.quantile(field, 1 - share).astype(np.float32)
    slope = np.hypot(*np.gradient(field)) + 1e-6
    return cover_where((field - level) / slope)


def filaments(view: SceneOptions, width_px: float, waves: float) -> Floats:
    """Return the cover of winding threads of one width."""
    field = smooth_field(view.rng, view.shape, -1, 1, waves)
    field = field - np.float32(np.median(field))
    slope = np.hypot(*np.gradient(field)) + 1e-4
    return cover_where(np.asarray(width_px / 2 - np.abs(field) / slope, np.float32))


def rings(view: SceneOptions, count: int, width_px: float) -> Floats:
    """Return the cover of circles of random place and radius."""
    rows, columns = view.grid()
    cover = np.zeros(view.shape, np.float32)
    for _ in range(count):
        row, column = (view.rng.uniform(0, n) for n in view.shape)
        radius = view.rng.uniform(0.04, 0.14) * min(view.shape)
        away = np.abs(np.hypot(rows - row, columns - column) - radius)
        cover = np.maximum(cover, cover_where(width_px / 2 - away))
    return cover


def net(view: SceneOptions, pitch_px: float, width_px: float, angle: float) -> Floats:
    """Return the cover of a square net of thin wires."""
    rows, columns = view.grid()
    turned = [columns * np.cos(turn) + rows * np.sin(turn) for turn in (angle, angle + np.pi / 2)]
    away = [np.abs((along / pitch_px) % 1 - 0.5) * pitch_px for along in turned]
    return cover_where(width_px / 2 - np.minimum(*away))


def spiral(view: SceneOptions, arms: int, turns: float, phase: float) -> Floats:
    """Return the cover of spiral arms that fill half of the view."""
    rows, columns = view.grid()
    y, x = rows - view.shape[0] * 0.48, columns - view.shape[1] * 0.53
    radius = np.hypot(y, x) + 4
    angle = np.arctan2(y, x) * arms + 2 * np.pi * turns * np.log(radius / 4) + phase
    slope = np.hypot(arms, 2 * np.pi * turns) / radius
    return cover_where(np.asarray(np.sin(angle) / slope, np.float32))


def slope(view: SceneOptions, angle: float) -> Floats:
    """Return a tilted plane (Y, X) that rises from 0 to 1 along a direction."""
    rows, columns = view.grid()
    along = columns * np.cos(angle) + rows * np.sin(angle)
    return np.asarray((along - along.min()) / np.ptp(along), np.float32)
