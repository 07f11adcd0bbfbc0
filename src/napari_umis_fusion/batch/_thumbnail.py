"""Reduced pictures of results."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from napari_umis_fusion.stack import Plane

SIDE_PX = 48
_LOW, _HIGH = 0.5, 99.5
"""Percentiles that are shown black and white."""


def thumbnail(image: Plane, *, rgb: bool) -> str:
    """Return an image of 48 px or less as PNG in base64.

    Parameters
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        Any dtype. Of microscope channels, the mean of all is shown.
    rgb : bool
        Whether C holds colour.
    """
    step = max(1, -(-max(image.shape[:2]) // SIDE_PX))
    small = image[::step, ::step].astype(np.float32)
    small = small[..., :3] if rgb else small.reshape(*small.shape[:2], -1).mean(axis=2)
    low, high = np.nanpercentile(small, (_LOW, _HIGH)) if np.isfinite(small).any() else (0, 1)
    scaled = np.clip((np.nan_to_num(small) - low) * (255 / max(high - low, 1e-12)), 0, 255)
    with BytesIO() as file:
        Image.fromarray(scaled.astype(np.uint8)).save(file, "png", optimize=True)
        return base64.b64encode(file.getvalue()).decode("ascii")
