"""Specks of one pixel or two, told by how little of their light lies next to them."""

import numpy as np

from napari_umis_fusion.preprocess.health._beyond import Beyond, Places, higher

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

AT_ONCE = 2048
"""How many are looked at in one go."""

CORE = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
REST = [
    (y, x)
    for y in range(-REACH_PX, REACH_PX + 1)
    for x in range(-REACH_PX, REACH_PX + 1)
    if max(abs(y), abs(x)) > CORE_PX
]
"""What lies around it, as rows and columns away: its core, and what is beyond its middle."""


def singles_among(beyond: Beyond, least: float, noises: tuple[float, float]) -> Places:
    """Return those that stand out by themselves.

    Parameters
    ----------
    beyond : Beyond
        Pixels that differ from both planes around by more than `least`.
    least : float
        Least height above the planes around, and above all pixels next to it but one.
    noises : tuple of float
        Least height of a bright and of a dark one, in mean differences between planes.
    """
    value = beyond.at(0, ((0, 0),)).astype(np.float64)
    rivals = (value - beyond.near <= least).sum(axis=1)
    few = np.flatnonzero(rivals <= 1)
    parts = [few[first : first + AT_ONCE] for first in range(0, len(few), AT_ONCE)]
    found = [_standing_out(beyond.where(part), least, noises) for part in parts]
    return np.concatenate([np.zeros(0, np.int64), *found])


def _standing_out(beyond: Beyond, least: float, noises: tuple[float, float]) -> Places:
    """Return those among few whose light lies in one pixel or two, and only in this plane."""
    near = np.where(np.isnan(beyond.near), -np.inf, beyond.near)
    second, highest = np.sort(near, axis=1).T[-2:]
    around = [beyond.at(plane, CORE) for plane in (1, 2)]
    others = np.fmax.reduce(np.concatenate(around, axis=1), axis=1)
    value = beyond.at(0, ((0, 0),))[:, 0].astype(np.float64)
    alone = value - np.fmax(second, others)
    is_alone = alone > least
    if not is_alone.any():
        return beyond.places[:0]
    alone, value, highest = (one[is_alone] for one in (alone, value, highest))
    beyond = beyond.where(is_alone)
    core, count = beyond.has(CORE).sum(axis=1), beyond.has(REST).sum(axis=1)
    rests = [beyond.at(plane, REST) for plane in range(3)]
    noise = beyond.total(np.abs(rests[0] - (rests[1] + rests[2]).astype(np.float64) / 2), REST)
    with np.errstate(invalid="ignore", divide="ignore"):
        around_it = [beyond.total(rest, REST) for rest in rests]
        light = [beyond.total(beyond.at(plane, CORE), CORE) for plane in range(3)]
        light = [own - core * rest / count for own, rest in zip(light, around_it, strict=True)]
        ground = around_it[0] / count
        own = value - ground
        # Defocus spreads light and keeps its amount; that of a speck is in its plane only.
        gone = light[0] - higher(light[1], light[2])
        is_pair = highest - ground > own / 2
        spread = light[0] - own - np.where(is_pair, highest - ground, 0)
        many = np.where(beyond.signs > 0, *noises)
        found = (alone > MIN_ALONE * own) & (spread < MAX_SPREAD * own)
        found &= (gone > MIN_GONE * own) & (alone > many * noise / count)
    return np.asarray(beyond.places[found])
