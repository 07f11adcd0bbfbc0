"""Evidence on islands of the index map: real objects on other heights, or inverted contrast.

Where an object is out of focus, a plane shows it blurred: its contrast is lower, but of the same
sign. Thin transmitted specimens bend light, and their contrast inverts through focus: what looks
crisp far out of focus is the negative of what the planes in focus show. So the fused image is
correlated with each plane within each island.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.fusion.islands._island_map import Islands
from napari_umis_fusion.fusion.islands._shapes import blurred_by, grown, labelled
from napari_umis_fusion.runtime import BoolMap, FloatMap

INVERTED = -0.1
"""Correlation with the planes of the rim below which an island is inverted, if it is large.

Of 275 real islands of rendered layers, none had less than 0.2.
"""

LEAST_SLOPE = -0.05
"""Contrast in the planes of the rim, relative to the island's, above which nothing is inverted.

Blur by a disc inverts single frequencies too, but leaves next to nothing of them.
"""

DOUBTFUL = 0.1
"""Correlation below which an island is doubtful, if it is large."""

CONFIRMED = 0.6
"""Correlation above which an island is confirmed; one below is inverted if most of its plane are.

Of 275 real islands of rendered layers, 2 in 100 have less than 0.68.
"""

OPPOSITE = -0.3
"""Correlation with any plane below which an island is doubtful, if it is large."""

LEAST_CONTRAST = 0.15
"""Contrast of an island, relative to that of the image, below which nobody sees what it shows."""

SIGMA_PX = 1.0
"""Sigma of the blur that suppresses noise before planes are compared."""

INDEPENDENT_PX = 4 * np.pi * SIGMA_PX**2
"""Pixels that are worth one, since the blur has made neighbours alike."""

DETAIL_SIGMAS_PX = (0.7, 2.0)
"""Band of the detail that a small object has and a ring has not."""

DETAIL_WINDOW_PX = 3.0
"""Sigma of the window in which detail is compared."""

SHARPER = 1.5
"""Ratio of detail from which on a part of an inverted island is an object of its own.

Rings have 1.0 to 1.5; of specks of 3 to 8 px, 84 of 88 have more somewhere.
"""

NEGATIVE = -0.75
"""Local correlation with the planes of the rim below which a sharp part is a core, not an object.

An object leaves next to nothing where it is far out of focus; a core leaves its negative.
"""

SMALLEST_SHARP_PX = 5
"""Pixels that must be sharper: fewer are noise."""

OBJECT_PX = 6
"""What is around the sharpest pixels belongs to the object, too."""

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of the islands, one value for each number; number 0 is never one.

    Attributes
    ----------
    inverted : ndarray of bool
        Islands that planes in focus show with the opposite contrast.
    doubtful : ndarray of bool
        Islands for which there is evidence of it, but not enough.
    confirmed : ndarray of bool
        Islands that planes in focus show blurred: real objects.
    """

    inverted: Flags
    doubtful: Flags
    confirmed: Flags


class IslandEvidence:
    """Compares islands with planes, which may come in any order.

    Parameters
    ----------
    islands : Islands
        What is judged.
    fused : ndarray of shape (Y, X), float32
        The all-in-focus image, reduced; in islands it shows their planes.
    planes : int
        Number of planes of the stack.
    """

    def __init__(self, islands: Islands, fused: FloatMap, planes: int) -> None:
        self._islands = islands
        self._where = np.flatnonzero(islands.labels)
        self._labels = islands.labels.ravel()[self._where]
        self._areas = np.maximum(islands.areas_px, 1)
        smooth = blurred_by(fused, SIGMA_PX)
        self._fused = self._centred(smooth)
        self._power = self._sums(self._fused**2)
        self._contrast = float(smooth.std(dtype=np.float64))
        # By chance, correlations of few pixels stray by this much.
        self._chance = np.sqrt(INDEPENDENT_PX / self._areas)
        # Of the planes of its rim and those beside them: memory must not grow with all planes. A
        # plane that was not shown agrees with all islands.
        self._rim = islands.rim_planes + np.array([[-1], [0], [1]])
        self._exists = (self._rim >= 0) & (self._rim < planes)
        self._correlation, self._slope = np.ones((2, *self._rim.shape))
        self._opposite = np.zeros(len(islands) + 1, np.bool_)

    def add(self, grey: FloatMap, z: int) -> None:
        """Compare plane `z`, reduced, of shape (Y, X)."""
        plane = self._centred(blurred_by(grey, SIGMA_PX))
        shared = self._sums(self._fused * plane)
        power = self._sums(plane**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = np.nan_to_num(shared / np.sqrt(self._power * power))
            slope = np.nan_to_num(shared / self._power)
        np.copyto(self._correlation, correlation, where=self._rim == z)
        np.copyto(self._slope, slope, where=self._rim == z)
        self._opposite |= (correlation < OPPOSITE - self._chance) & (slope < LEAST_SLOPE)

    def judge(self) -> Verdict:
        """Return what is known once all planes were compared."""
        correlation = _mean_where(self._correlation, self._exists)
        slope = _mean_where(self._slope, self._exists)
        visible = np.sqrt(self._power / self._areas) >= LEAST_CONTRAST * self._contrast
        visible[0] = False
        inverted = visible & (correlation < INVERTED - self._chance) & (slope < LEAST_SLOPE)
        confirmed = visible & (correlation > CONFIRMED)
        repeated = visible & (correlation < CONFIRMED) & self._is_refuted(inverted, confirmed)
        doubtful = visible & ((correlation < DOUBTFUL - self._chance) | self._opposite)
        inverted |= repeated
        return Verdict(inverted, doubtful & ~inverted, confirmed & ~inverted)

    def _is_refuted(self, inverted: Flags, confirmed: Flags) -> Flags:
        """Return which islands are in planes whose islands are mostly inverted, by their area."""
        own, areas = self._islands.own_planes, self._islands.areas_px

        def near(which: Flags) -> Values:
            """Return the area of islands in the plane of each, and in those beside it."""
            found = np.bincount(own + 1, np.where(which, areas, 0), int(own.max()) + 3)
            return np.asarray(found[own] + found[own + 1] + found[own + 2])

        against, in_favour = near(inverted), near(confirmed)
        return np.asarray((against > 0) & (against >= in_favour))

    def _sums(self, values: Values) -> Values:
        """Add the values of each island."""
        sums = np.bincount(self._labels, weights=values, minlength=len(self._areas))
        return sums.astype(np.float64)

    def _centred(self, image: FloatMap) -> Values:
        """Return the values of all islands, relative to the mean of each."""
        values = image.ravel()[self._where].astype(np.float64)
        means = self._sums(values) / self._areas
        return np.asarray(values - means[self._labels])


def find_objects(own: FloatMap, rim: FloatMap, part: BoolMap) -> BoolMap:
    """Return where a part of an image has small objects that its rim's planes show blurred.

    Parameters
    ----------
    own, rim : ndarray of shape (Y, X), float32
        The image, and what the planes of the rims show in its place.
    part : ndarray of shape (Y, X), bool
        The inverted islands.
    """
    detail, blurred = _detail(own), _detail(rim)
    noise = np.float32(np.median(np.minimum(detail, blurred)[part]))
    sharp = part & (detail > SHARPER * (blurred + noise))
    labels, count = labelled(sharp & (_local_correlation(own, rim) > NEGATIVE))
    large = np.bincount(labels.ravel(), minlength=count + 1) >= SMALLEST_SHARP_PX
    large[0] = False
    if not large.any():
        return np.zeros_like(part)
    return grown(large[labels], OBJECT_PX)


def _detail(image: FloatMap) -> FloatMap:
    """Return the contrast of fine detail around each pixel."""
    fine, coarse = (blurred_by(image, sigma) for sigma in DETAIL_SIGMAS_PX)
    power = blurred_by(np.square(fine - coarse), DETAIL_WINDOW_PX)
    return np.asarray(np.sqrt(power))


def _local_correlation(one: FloatMap, other: FloatMap) -> FloatMap:
    """Return the correlation of two images in a window around each pixel."""

    def mean(image: FloatMap) -> FloatMap:
        return blurred_by(image, DETAIL_WINDOW_PX)

    one, other = (blurred_by(image, SIGMA_PX) for image in (one, other))
    one, other = one - mean(one), other - mean(other)
    power = mean(one**2) * mean(other**2)
    return np.asarray(mean(one * other) / np.sqrt(np.maximum(power, np.float32(1e-6))))


def _mean_where(values: Values, which: Flags) -> Values:
    """Return means over the planes for which a flag is set."""
    return np.asarray((values * which).sum(axis=0) / np.maximum(which.sum(axis=0), 1))
