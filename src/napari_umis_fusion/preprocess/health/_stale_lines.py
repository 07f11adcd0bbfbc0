"""Rows that a frame before left in a buffer, which was not written to its end."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._dull_lines import DullLines
from napari_umis_fusion.preprocess.health._padding import Strip

MIN_STALE = 8
"""Rows with something in them that are, one after the other, those of a plane before: with any
noise, not even one is."""


def stale_strips(
    plane: DullLines, before: Sequence[DullLines], after: Sequence[DullLines]
) -> tuple[Strip, ...]:
    """Return the rows of a plane that are those of a plane before.

    What all planes share, such as a bar with text, belongs to the picture.

    Parameters
    ----------
    plane : DullLines
        The rows of the plane.
    before, after : sequence of DullLines
        Those of planes on either side.
    """
    shared = [(one.mean == plane.mean).all(axis=1) for one in (*before, *after)]
    if not before:
        return ()
    holds = np.isnan(plane.value).any(axis=1)
    own = ~np.logical_and.reduce(shared)
    found: list[Strip] = []
    for same in shared[: len(before)]:
        for start, stop in _runs(same):
            if (holds & own)[start:stop].sum() >= MIN_STALE:
                found.append((0, start, stop))
    return tuple(dict.fromkeys(found))


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return where a mask is set without a gap: first and after the last."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
