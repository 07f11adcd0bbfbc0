"""Seam-aware consistency verification: borders between planes are placed where they are invisible.

Planes arrive one after the other. At each pixel a new plane competes with the composite so far,
with a strength given by its focus. The result is smoothed by an edge-preserving solver that couples
neighbouring pixels strongly where a border between the two planes would be visible (a channel
differs by more than the slopes of the image can hide), and weakly where both agree. Borders
therefore move to where both planes agree, isolated noise pixels disappear, and decisions with
strong evidence remain.

The solver minimises, over the takeover u in [0, 1] with target t, evidence c and visibility v,

    sum_p c_p (u_p - t_p)^2 + smoothness * sum_pq (v_p + v_q)^2 (u_p - u_q)^2

approximately, by alternating exact solves along rows and columns with decreasing smoothness
[1]_. Its cost per pixel is constant, and its memory does not grow with the number of planes: it
is one sweep of a move-making optimiser [2]_ over the planes.

References
----------
.. [1] Min, D. et al., "Fast global image smoothing based on weighted least squares", IEEE TIP
   23(12), 2014. https://doi.org/10.1109/TIP.2014.2366600
.. [2] Boykov, Y., Veksler, O., Zabih, R., "Fast approximate energy minimization via graph
   cuts", IEEE TPAMI 23(11), 2001. https://doi.org/10.1109/34.969114
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from napari_umis_fusion.runtime import AnyArray, FloatMap, ScratchMemory, Workers, bands

SWEEPS = 4
"""Alternations between rows and columns."""

# The kernels divide by values that cannot be 0. With Python's check for that they would not
# vectorise, hence error_model="numpy".

LANES = 8
"""Rows that are solved at the same time: recursion runs along a row, vector operations across."""

ROWS_AT_ONCE = 64
"""Smallest number of rows of a job."""

COLUMNS_AT_ONCE = 1024
"""Smallest number of columns of a job: neighbouring columns share cache lines."""


def padded_width(width: int) -> int:
    """Return a width of maps for which rows do not compete for the same cache lines.

    It is an odd multiple of a cache line (16 values of float32).
    """
    lines = -(-width // 16)
    return 16 * (lines | 1)


class TakeoverSolver:
    """Computes the takeover from target, evidence and visibility.

    Parameters
    ----------
    smoothness : float
        Weight of visible borders relative to evidence.
    shape : tuple of int
        (Y, X) of the planes.
    workers : Workers
        Threads to run on.
    workspace : ScratchMemory
        Memory for the factors of the elimination.
    """

    def __init__(
        self, smoothness: float, shape: tuple[int, int], workers: Workers, workspace: ScratchMemory
    ) -> None:
        self.smoothness = smoothness
        self.shape = shape
        self.workers = workers
        self.factors = workspace.full((shape[0], padded_width(shape[1])), np.float32, 0)

    def iter_solve(
        self, target: FloatMap, evidence: FloatMap, visibility: FloatMap, times: float = 1.0
    ) -> Generator[None]:
        """Solve in place; afterwards ``target / evidence`` is the takeover u.

        Parameters
        ----------
        target, evidence : ndarray of shape (Y, padded X), float32
            c t and c; columns beyond X are ignored.
        visibility : ndarray of shape (Y, padded X), float32
            v: visible part of a border at each pixel, in grey levels.
        times : float
            By which smoothness is multiplied.

        Yields
        ------
        None
            While it works.
        """
        height, width = self.shape
        parts = 2 * self.workers.threads
        row_bands = bands(height, max(parts, height // ROWS_AT_ONCE))
        column_bands = bands(width, max(self.workers.threads, width // COLUMNS_AT_ONCE))
        for sweep in range(SWEEPS):
            # Weights fall by a factor of 4 from sweep to sweep, as published: the last sweeps
            # remove the streaks that the first ones leave.
            share = 1.5 * 4.0 ** (SWEEPS - 1 - sweep) / (4.0**SWEEPS - 1)
            weight = np.float32(times * self.smoothness * share)
            maps = (target, evidence, visibility, self.factors, width, weight)
            for kernel, lines in ((solve_rows, row_bands), (solve_columns, column_bands)):
                yield from self.workers.each(partial(_solve_band, kernel, maps), lines)


def _solve_band(kernel: Callable[..., None], maps: tuple[Any, ...], band: tuple[int, int]) -> None:
    kernel(*maps, *band)


@njit(nogil=True, cache=True, error_model="numpy")
def _solve_lines(lines: AnyArray) -> None:
    """Solve (1 + A) u = target and (1 + A) u = evidence along axis 0, in place, for all lanes.

    A is the graph Laplacian of each lane's line. `lines` is (length, 4 LANES): target, evidence,
    coupling to the next pixel, and the factors of the elimination, side by side.
    """
    # Thomas algorithm. The pivots are at least 1, so that it is stable without pivoting.
    # In float32: with Python's floats, the kernel would compute in double precision.
    one = np.float32(1)
    length = lines.shape[0]
    for lane in range(LANES):
        after = lines[0, 2 * LANES + lane]
        scale = one / (one + after)
        lines[0, 3 * LANES + lane] = after * scale
        lines[0, lane] *= scale
        lines[0, LANES + lane] *= scale
    for i in range(1, length):
        last, line = lines[i - 1], lines[i]
        for lane in range(LANES):
            before = last[2 * LANES + lane]
            after = line[2 * LANES + lane]
            scale = one / (one + after + before * (one - last[3 * LANES + lane]))
            line[3 * LANES + lane] = after * scale
            line[lane] = (line[lane] + before * last[lane]) * scale
            line[LANES + lane] = (line[LANES + lane] + before * last[LANES + lane]) * scale
    for i in range(length - 2, -1, -1):
        line, following = lines[i], lines[i + 1]
        for lane in range(LANES):
            factor = line[3 * LANES + lane]
            line[lane] += factor * following[lane]
            line[LANES + lane] += factor * following[LANES + lane]


@njit(nogil=True, cache=True, error_model="numpy")
def solve_rows(
    target: AnyArray,
    evidence: AnyArray,
    visibility: AnyArray,
    factors: AnyArray,
    width: int,
    weight: float,
    start: int,
    stop: int,
) -> None:
    """Solve along x for rows start to stop, in place; `LANES` rows at a time, transposed."""
    lines = np.zeros((width, 4 * LANES), np.float32)
    for first in range(start, stop, LANES):
        last = min(first + LANES, stop)
        _solve_some_rows(
            target[first:last], evidence[first:last], visibility[first:last], weight, lines
        )


@njit(nogil=True, cache=True, error_model="numpy")
def _solve_some_rows(
    target: AnyArray, evidence: AnyArray, visibility: AnyArray, weight: float, lines: AnyArray
) -> None:
    lanes, length = target.shape[0], lines.shape[0]
    for x in range(length):
        line = lines[x]
        after = min(x + 1, length - 1)
        for lane in range(lanes):
            line[lane] = target[lane, x]
            line[LANES + lane] = evidence[lane, x]
            step = visibility[lane, x] + visibility[lane, after]
            line[2 * LANES + lane] = weight * step * step
    # The last pixel has no next one.
    lines[length - 1, 2 * LANES : 3 * LANES] = 0
    _solve_lines(lines)
    for x in range(length):
        line = lines[x]
        for lane in range(lanes):
            target[lane, x] = line[lane]
            evidence[lane, x] = line[LANES + lane]


@njit(nogil=True, cache=True, error_model="numpy")
def solve_columns(
    target: AnyArray,
    evidence: AnyArray,
    visibility: AnyArray,
    factors: AnyArray,
    width: int,
    weight: float,
    start: int,
    stop: int,
) -> None:
    """Solve along y for columns start to stop, in place."""
    one = np.float32(1)
    length, lanes = target.shape[0], stop - start
    link = np.zeros(lanes, np.float32)
    for y in range(length):
        above = max(y - 1, 0)
        w, e, f = target[y, start:stop], evidence[y, start:stop], factors[y, start:stop]
        last_w, last_e = target[above, start:stop], evidence[above, start:stop]
        last_f = factors[above, start:stop]
        here, below = visibility[y, start:stop], visibility[min(y + 1, length - 1), start:stop]
        # Factors of 0 or 1 instead of branches, so that the loop over lanes vectorises.
        open_end = weight * np.float32(y + 1 < length)
        inner = np.float32(y > 0)
        for lane in range(lanes):
            step = here[lane] + below[lane]
            after = open_end * step * step
            before = link[lane]
            scale = one / (one + after + before * (one - inner * last_f[lane]))
            f[lane] = after * scale
            w[lane] = (w[lane] + before * last_w[lane]) * scale
            e[lane] = (e[lane] + before * last_e[lane]) * scale
            link[lane] = after
    for y in range(length - 2, -1, -1):
        w, e, f = target[y, start:stop], evidence[y, start:stop], factors[y, start:stop]
        next_w, next_e = target[y + 1, start:stop], evidence[y + 1, start:stop]
        for lane in range(lanes):
            w[lane] += f[lane] * next_w[lane]
            e[lane] += f[lane] * next_e[lane]
