"""How much of the sharpness of the planes an image shows, for any range of grey levels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.compare import focus_of as focus_of_grey
from napari_umis_fusion.compare import highest_focus as highest_of_greys
from napari_umis_fusion.compare import shown_focus as shown_of_grey

GreyRange = tuple[float, float]


def eight_bits(image: NDArray[Any], grey_range: GreyRange) -> NDArray[np.uint8]:
    """Round to 256 grey levels from black to white."""
    low, high = grey_range
    grey = (image.astype(np.float32) - low) * (255 / (high - low))
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def focus_of(plane: NDArray[Any], grey_range: GreyRange) -> NDArray[np.float32]:
    """Measure focus by the default measure, on grey levels that all planes share."""
    return focus_of_grey(eight_bits(plane, grey_range))


def highest_focus(stack: NDArray[Any], grey_range: GreyRange) -> NDArray[np.float32]:
    """Return the highest focus that any plane has at each pixel."""
    return highest_of_greys(eight_bits(plane, grey_range) for plane in stack)


def shown_focus(image: NDArray[Any], best: NDArray[np.float32], grey_range: GreyRange) -> float:
    """Return the focus of an image, up to the best at each pixel, as a share of the best."""
    return shown_of_grey(eight_bits(image, grey_range), best)


def total(focus: NDArray[np.float32]) -> float:
    """Add up a focus map."""
    return float(focus.sum(dtype=np.float64))
