"""Specks of one pixel or two, told by how little of their light lies next to them."""

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.preprocess.health._beyond import SINGLE, Beyond, Places, Table
from napari_umis_fusion.runtime import kernel

MIN_ALONE = 0.7
"""Share of its height over its surroundings by which a speck exceeds all pixels next to it but one,
and all of the planes around. A point drawn with a sigma of 0.65 px has a share of 0.7, with 1 px
one of 0.4; a line a pixel wide has two neighbours as bright as itself."""

MAX_SPREAD = 0.3
"""Light that the pixels next to it may have, as a share of its height: however small an image is,
it hardly ever lies within one pixel."""

MIN_GONE = 0.5
"""Share of its light that the planes around do not show anywhere near it."""

CORE_PX = 2
"""Half the side of its middle, which does not count."""

REACH_PX = 4
"""Half the side of the window that tells the noise."""


def singles_among(beyond: Beyond, noises: tuple[float, float]) -> Places:
    """Return those that stand out by themselves.

    Parameters
    ----------
    beyond : Beyond
        Pixels that differ from both planes around by the least height of a speck.
    noises : tuple of float
        Least height of a bright and of a dark one, in mean differences between planes.
    """
    few = beyond.of_kind(SINGLE)
    found = np.zeros(len(few), np.bool_)
    if len(few):
        here, before, after = few.planes
        many = np.where(few.signs > 0, *noises)
        space = np.empty((2, 3))
        _stand_out(here, before, after, few.places, few.signs, few.highest, many, space, found)
    return np.asarray(few.places[found])


@kernel
def _stand_out(
    here: NDArray[np.float32],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    places: Places,
    signs: NDArray[np.float32],
    highest: Table,
    many: NDArray[np.float64],
    light: Table,
    found: NDArray[np.bool_],
) -> None:
    """Find which have their light in one pixel or two, and in this plane only."""
    height, width = here.shape
    for at in range(places.size):
        y, x, sign = places[at] // width, places[at] % width, signs[at]
        for k in range(3):  # in the plane, and in those around it: of the core, then of the rest
            light[0, k] = light[1, k] = 0
        noise, count, core = 0.0, 0, 0
        for i in range(max(0, y - REACH_PX), min(height, y + REACH_PX + 1)):
            for j in range(max(0, x - REACH_PX), min(width, x + REACH_PX + 1)):
                far = max(abs(i - y), abs(j - x))
                if 1 < far <= CORE_PX:
                    continue
                part = 1 if far > 1 else 0
                light[part, 0] += sign * here[i, j]
                light[part, 1] += sign * before[i, j]
                light[part, 2] += sign * after[i, j]
                core += 1 - part
                if part:
                    noise += abs(here[i, j] - (before[i, j] + after[i, j]) / 2)
                    count += 1
        if count == 0:
            continue
        for k in range(3):
            light[0, k] -= core * light[1, k] / count
        ground, alone = light[1, 0] / count, highest[at, 1]
        own = sign * here[y, x] - ground
        # Defocus spreads light and keeps its amount; that of a speck is in its plane only.
        gone, spread = light[0, 0] - max(light[0, 1], light[0, 2]), light[0, 0] - own
        if highest[at, 0] - ground > own / 2:  # a speck of two pixels
            spread -= highest[at, 0] - ground
        is_one = alone > MIN_ALONE * own and spread < MAX_SPREAD * own
        is_here = gone > MIN_GONE * own and alone > many[at] * noise / count
        found[at] = is_one and is_here
