"""Seam-aware consistency verification: borders between planes are placed where they are invisible.

At each pixel a plane, or what several show together, competes with another composite, in the
order of `_merge_order`, with a strength given by its focus. The result is smoothed by an
edge-preserving solver that couples neighbouring pixels strongly where a border between the two
would be visible (a channel differs by more than the slopes of the image can hide), and weakly where
both agree. Borders therefore move to where both agree, isolated noise pixels disappear, and
decisions with strong evidence remain.

The solver minimises, over the takeover u in [0, 1] with target t, evidence c and visibility v,

    sum_p c_p (u_p - t_p)^2 + smoothness * sum_pq (v_p + v_q)^2 (u_p - u_q)^2

approximately, by alternating exact solves along rows and columns with decreasing smoothness
[1]_. Its cost per pixel is constant: it is one sweep of a move-making optimiser [2]_.

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

from napari_umis_fusion.runtime import (
    AnyArray,
    FloatMap,
    ScratchMemory,
    Workers,
    bands,
    kernel,
)

SWEEPS = 4
"""Alternations between rows and columns."""

# The kernels divide by values that cannot be 0. With Python's check for that they would not
# vectorise, hence error_model="numpy".

LANES = 16
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
        """Solve in place; afterwards `target` is the takeover u.

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
        groups = -(-height // LANES)
        row_bands = [
            (LANES * first, min(LANES * last, height))
            for first, last in bands(groups, max(parts, height // ROWS_AT_ONCE))
        ]
        column_bands = bands(width, max(self.workers.threads, width // COLUMNS_AT_ONCE))
        for sweep in range(SWEEPS):
            # Weights fall by a factor of 4 from sweep to sweep, as published: the last sweeps
            # remove the streaks that the first ones leave.
            share = 1.5 * 4.0 ** (SWEEPS - 1 - sweep) / (4.0**SWEEPS - 1)
            weight = np.float32(times * self.smoothness * share)
            maps = (target, evidence, visibility, self.factors, width, weight)
            is_last = sweep == SWEEPS - 1
            for solve, given, lines in (
                (solve_rows, maps, row_bands),
                (solve_columns, (*maps, is_last), column_bands),
            ):
                yield from self.workers.each(partial(_solve_band, solve, given), lines)


def _solve_band(solve: Callable[..., None], given: tuple[Any, ...], band: tuple[int, int]) -> None:
    solve(*given, *band)


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
    """Solve along x for rows start to stop, in place."""
    # Pixel x of all lanes begins at (x + 1) LANES: before the first is one without a link to it.
    targets, weights, links = (np.zeros((width + more) * LANES, np.float32) for more in (1, 1, 2))
    lines = targets, weights, links
    _solve_rows(target, evidence, visibility, width, weight, *lines, start, stop)


def solve_columns(
    target: AnyArray,
    evidence: AnyArray,
    visibility: AnyArray,
    factors: AnyArray,
    width: int,
    weight: float,
    is_last: bool,
    start: int,
    stop: int,
) -> None:
    """Solve along y for columns start to stop, in place; at last, `target` is the takeover."""
    link = np.zeros(stop - start, np.float32)
    _solve_columns(target, evidence, visibility, factors, weight, is_last, link, start, stop)


@kernel
def _solve_rows(
    target: AnyArray,
    evidence: AnyArray,
    visibility: AnyArray,
    width: int,
    weight: float,
    targets: AnyArray,
    weights: AnyArray,
    links: AnyArray,
    start: int,
    stop: int,
) -> None:
    """Solve `LANES` rows at a time, transposed, in space for their lines."""
    for first in range(start, stop, LANES):
        rows = slice(first, min(first + LANES, stop))
        _transpose(target[rows], targets[LANES:], width)
        _transpose(evidence[rows], weights[LANES:], width)
        _transpose(visibility[rows], links[2 * LANES :], width)
        _link(links, weight)
        _solve_lines(targets, weights, links)
        _transpose_back(targets[LANES:], target[rows], width)
        _transpose_back(weights[LANES:], evidence[rows], width)


@kernel
def _transpose(rows: AnyArray, lines: AnyArray, width: int) -> None:
    """Copy up to `LANES` rows into lines, the last row into the lanes that are left."""
    last = rows.shape[0] - 1
    for x in range(width):
        for lane in range(LANES):
            lines[x * LANES + lane] = rows[min(lane, last), x]


@kernel
def _transpose_back(lines: AnyArray, rows: AnyArray, width: int) -> None:
    last = rows.shape[0] - 1
    for x in range(width):
        for lane in range(LANES):
            rows[min(lane, last), x] = lines[x * LANES + lane]


@kernel
def _link(lines: AnyArray, weight: float) -> None:
    """Turn visibilities into couplings to the next pixel; the last one has none."""
    for j in range(2 * LANES, lines.size - LANES):
        step = lines[j] + lines[j + LANES]
        lines[j] = weight * step * step
    for lane in range(LANES):
        lines[lane] = lines[LANES + lane] = lines[lines.size - LANES + lane] = 0


@kernel
def _solve_lines(targets: AnyArray, weights: AnyArray, links: AnyArray) -> None:
    """Solve (1 + A) u = target and (1 + A) u = evidence along all lanes, in place.

    A is the graph Laplacian of each lane's line. `links` holds the coupling of each pixel to the
    next, one pixel further on, and is overwritten by the factors of the elimination.
    """
    # Thomas algorithm. The pivots are at least 1, so that it is stable without pivoting.
    # One loop over lanes and pixels together: it vectorises, as its steps are a constant apart.
    # In float32: with Python's floats, the kernel would compute in double precision.
    one = np.float32(1)
    for j in range(targets.size - LANES):
        before, after = links[j + LANES], links[j + 2 * LANES]
        scale = one / (one + after + before * (one - links[j]))
        links[j + LANES] = after * scale
        targets[j + LANES] = (targets[j + LANES] + before * targets[j]) * scale
        weights[j + LANES] = (weights[j + LANES] + before * weights[j]) * scale
    _substitute(targets, weights, links)


@kernel
def _substitute(targets: AnyArray, weights: AnyArray, factors: AnyArray) -> None:
    """Replace each value by that of the pixel after it, times a factor, and itself."""
    # In a function of its own, which numba compiles to vector operations.
    for j in range(targets.size - LANES - 1, -1, -1):
        targets[j] += factors[j] * targets[j + LANES]
        weights[j] += factors[j] * weights[j + LANES]


@kernel
def _solve_columns(
    target: AnyArray,
    evidence: AnyArray,
    visibility: AnyArray,
    factors: AnyArray,
    weight: float,
    is_last: bool,
    link: AnyArray,
    start: int,
    stop: int,
) -> None:
    """Solve lines along y, given as many zeros as there are."""
    one = np.float32(1)
    length, lanes = target.shape[0], stop - start
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
        if is_last:  # nobody needs the next row any more
            _divide(next_w, next_e)
    if is_last:
        _divide(target[0, start:stop], evidence[0, start:stop])


@kernel
def _divide(targets: AnyArray, weights: AnyArray) -> None:
    for lane in range(targets.size):
        targets[lane] /= weights[lane]
