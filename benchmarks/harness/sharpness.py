"""How much of the sharpness of the planes an image shows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion import focus_map

GreyRange = tuple[float, float]


def eight_bits(image: NDArray[Any], grey_range: GreyRange) -> NDArray[np.uint8]:
    """Round to 256 grey levels from black to white."""
    low, high = grey_range
    grey = (image.astype(np.float32) - low) * (255 / (high - low))
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def focus_of(plane: NDArray[Any], grey_range: GreyRange) -> NDArray[np.float32]:
    """Measure focus by the default measure, on grey levels that all planes share."""
    return focus_map(eight_bits(plane, grey_range))


def highest_focus(stack: NDArray[Any], grey_range: GreyRange) -> NDArray[np.float32]:
    """Return the highest focus that any plane has at each pixel."""
    best = np.zeros(stack.shape[1:3], np.float32)
    for plane in stack:
        np.maximum(best, focus_of(plane, grey_range), out=best)
    return best


def shown_focus(image: NDArray[Any], best: NDArray[np.float32], grey_range: GreyRange) -> float:
    """Return the focus of an image, up to the best at each pixel, as a share of the best."""
    return total(np.minimum(focus_of(image, grey_range), best)) / total(best)


def total(focus: NDArray[np.float32]) -> float:
    """Add up a focus map."""
    return float(focus.sum(dtype=np.float64))
