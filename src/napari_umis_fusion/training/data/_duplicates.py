"""Find nearly identical images by their thumbnails."""

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MIN_CORRELATION = 0.95
"""Correlation of the thumbnails above which images count as duplicates.

Of 146 photographs and micrographs, four pairs are copies and have 0.99 to 1; the most similar of
all others have 0.93 (one field in two stains), then 0.81. Copies with other brightness, contrast,
gamma (1.3), half the size, 3 % noise or a blur of 2 px keep 0.97 or more.
"""

_ROWS = 256
"""Rows of the correlation matrix at once, to bound its memory."""


def iter_duplicates(thumbnails: NDArray[np.float32]) -> Generator[None, None, list[list[int]]]:
    """Group nearly identical images.

    Parameters
    ----------
    thumbnails : ndarray of shape (N, M), float32
        Thumbnail of each image, as `thumbnail` returns it.

    Yields
    ------
    None
        At least every 100 ms.

    Returns
    -------
    list of list of int
        Indices of two images or more, in ascending order.
    """
    count = len(thumbnails)
    pairs = [np.empty((2, 0), np.intp)]
    for first in range(0, count, _ROWS):
        correlation = thumbnails[first : first + _ROWS] @ thumbnails[first:].T
        pairs.append(np.array(np.nonzero(np.triu(correlation > MIN_CORRELATION, 1))) + first)
        yield
    rows, columns = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(rows.size, bool), (rows, columns)), shape=(count, count))
    found, label = connected_components(graph, directed=False)
    groups = (np.flatnonzero(label == k).tolist() for k in np.unique(label[rows]))
    return [group for group in groups if found < count]
