"""Scratches, hairs, reticles and hot pixels: few pixels, far off all around them."""

from collections.abc import Iterator

import numpy as np

from napari_umis_fusion.runtime import BoolMap, FloatMap

STEP_PX, STEPS = 8, 9
"""Pixels between those that tell what is usual, and how many of them along a side do."""

HALO_PX = 32
"""How far a mark depends on what is around it, about."""

BLOCK_PX = 512
"""Rows that are worked on at once, for the sake of memory."""

FAR, NEAR = 4.0, 2.5
"""Detail of marks where they are sure, and of what belongs to them, relative to the usual."""

SHARP, SHARP_FAR = 0.15, 3.0
"""Finest detail of sure marks, relative to all of it, and to what is usual. Detail of a specimen
that all planes show is softer."""

DEVIATION = 1.48
"""Standard deviation of noise, relative to the median of its size."""


LIKE = (0.85, 1.2)
"""Detail of most planes at a mark, relative to those that have least; specimens have 1 to 2."""

MOST_LIKE = 0.5
"""Share of the sharp outliers that are so, where there are marks: 0.6 to 0.9, of specimens 0.3."""


def add_marks(pattern: FloatMap, finest: FloatMap, softer: FloatMap, mean: FloatMap) -> None:
    """Put into a pattern what marks add, all of it: they are far above the noise.

    Parameters
    ----------
    pattern : ndarray of shape (Y, X), float32
        Changed in place where there are marks.
    finest, softer : ndarray of shape (Y, X), float32
        Mean detail of the planes that have least, in two bands.
    mean : ndarray of shape (Y, X), float32
        Mean detail of all planes, in both.
    """
    sure = alike = 0
    for rows, _ in _parts(len(pattern)):
        is_sure = _is_sure(finest[rows], softer[rows])
        sure += int(is_sure.sum())
        alike += int((is_sure & _is_alike(finest[rows] + softer[rows], mean[rows])).sum())
    if alike <= MOST_LIKE * sure:
        return
    for rows, inner in _parts(len(pattern)):
        whole = finest[rows] + softer[rows]
        marks = _marks_in(finest[rows], softer[rows], mean[rows])[inner]
        pattern[rows][inner][marks] = whole[inner][marks]


def _parts(height: int) -> Iterator[tuple[slice, slice]]:
    """Return rows that are worked on at once, and those of them that are not there as a halo."""
    for top in range(0, height, BLOCK_PX):
        start = max(0, top - HALO_PX)
        yield (
            slice(start, min(top + BLOCK_PX + HALO_PX, height)),
            slice(top - start, min(top - start + BLOCK_PX, height - start)),
        )


def _marks_in(finest: FloatMap, softer: FloatMap, mean: FloatMap) -> BoolMap:
    from scipy.ndimage import binary_propagation

    whole, around = finest + softer, np.ones((3, 3), np.bool_)
    is_alike = _is_alike(whole, mean)
    may_be = is_alike & (np.abs(whole) > NEAR * _usual(np.abs(whole)))
    is_sure = is_alike & _is_sure(finest, softer)
    return np.asarray(binary_propagation(is_sure, structure=around, mask=may_be))


def _is_sure(finest: FloatMap, softer: FloatMap) -> BoolMap:
    whole, fine = np.abs(finest + softer), np.abs(finest)
    is_far = (whole > FAR * _usual(whole)) & (fine > SHARP_FAR * _usual(fine))
    return np.asarray(is_far & (fine > SHARP * whole) & (finest * softer > 0))


def _is_alike(whole: FloatMap, mean: FloatMap) -> BoolMap:
    least, most = LIKE
    size = np.abs(whole)
    return np.asarray(
        (mean * whole > 0) & (np.abs(mean) > least * size) & (np.abs(mean) < most * size)
    )


def _usual(size: FloatMap) -> FloatMap:
    """Return the standard deviation around each pixel, which few pixels that are far off keep."""
    from scipy.ndimage import median_filter

    some = median_filter(size[::STEP_PX, ::STEP_PX], STEPS, mode="nearest")
    each = some.repeat(STEP_PX, axis=0).repeat(STEP_PX, axis=1)
    return np.asarray(DEVIATION * each[: size.shape[0], : size.shape[1]], np.float32)
