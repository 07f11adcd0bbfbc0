"""Searches for the highest value of a curve, as generators of heights.

Each yields the height at which to measure next, is sent the value, and ends when it is content.
They are headless and know nothing of stages. How many values they get is limited by the caller.

References
----------
.. [1] Brent, R. P., "Algorithms for Minimization without Derivatives", Prentice-Hall 1973,
   chapter 5.
"""

import math
from collections.abc import Callable, Generator

import numpy as np

from napari_umis_fusion.live._autofocus_config import AutofocusConfig, AutofocusSearch

Heights = Generator[float, float, None]
"""Yields heights in µm and is sent values."""

LOOK_SHARE = 1 / 3
"""Share of the pictures that look over the whole range before a search closes in."""

SWEEP_SHARE = 2 / 3
"""The same for the sweep."""

FLANKS = (0.5, 0.25)
"""Shares of the way from the top to where the curve has fallen by half."""

_GOLDEN = (3 - math.sqrt(5)) / 2


def search_heights(low: float, high: float, config: AutofocusConfig) -> Heights:
    """Yield the heights of a search, between the ends of the range.

    A curve of focus is flat far from its top. A search that compares two heights there would
    follow the noise; so each looks over the whole range first, and then between the neighbours
    of the best height. The sweep spends most of its pictures on the range, and measures evenly
    between the neighbours, too.
    """
    share = SWEEP_SHARE if config.search == "sweep" else LOOK_SHARE
    count = max(5, round(config.most_frames * share))
    looked = yield from _evenly(low, high, count)
    best = max(range(count), key=lambda k: looked[k][1])
    near = looked[max(0, best - 1) : best + 2]
    if config.search == "sweep":
        left = config.most_frames - count + 1  # both ends are measured already, and one is kept
        yield from _evenly(near[0][0], near[-1][0], left, ends=False)
        return
    closed_in = yield from _noted(_CLOSE_IN[config.search](near, looked[best], config.tolerance_um))
    yield from _around_top(sorted([*looked, *closed_in]))


Point = tuple[float, float]
"""Height and value."""


def _evenly(
    low: float, high: float, count: int, *, ends: bool = True
) -> Generator[float, float, list[Point]]:
    """Measure at heights that are equally far apart, from the lowest to the highest."""
    points = []
    heights = np.linspace(low, high, count).tolist()
    for height in heights if ends else heights[1:-1]:
        value = yield height
        points.append((height, value))
    return points


def _noted(heights: Heights) -> Generator[float, float, list[Point]]:
    """Run a search, and return its points."""
    points: list[Point] = []
    try:
        height = next(heights)
        while True:
            value = yield height
            points.append((height, value))
            height = heights.send(value)
    except StopIteration:
        return points


def _around_top(points: list[Point]) -> Heights:
    """Measure on both flanks: close to the top, a curve hardly tells where its middle is."""
    top, highest = max(points, key=lambda point: point[1])
    middle = (highest + min(value for _, value in points)) / 2
    low = max((x for x, value in points if x < top and value < middle), default=points[0][0])
    high = min((x for x, value in points if x > top and value < middle), default=points[-1][0])
    for share in FLANKS:
        yield top + share * (high - top)
        yield top - share * (top - low)


def _ternary(near: list[Point], best: Point, tolerance: float) -> Heights:
    """Measure at a third and two thirds, and leave out the third beside the lower one."""
    low, high = near[0][0], near[-1][0]
    while high - low > tolerance:
        first, second = low + (high - low) / 3, high - (high - low) / 3
        below = yield first
        above = yield second
        low, high = (first, high) if below < above else (low, second)


def _parabola(near: list[Point], best: Point, tolerance: float) -> Heights:
    """Measure at the top of the parabola through three points, again and again."""
    points = sorted(near)
    if len(points) == 2:  # the best is at an end
        middle = (points[0][0] + points[1][0]) / 2
        points.insert(1, (middle, (yield middle)))
    while points[2][0] - points[0][0] > tolerance:
        middle = points[1][0]
        wider = max((points[0][0], points[2][0]), key=lambda end: abs(end - middle))
        top = _vertex(points)
        # Where it hardly moves, a point in the wider half narrows the bracket from there.
        if top is None or abs(top - middle) < tolerance / 4:
            half = abs(wider - middle)
            step = min(max(tolerance / 4, half / 4), half / 2)
            top = middle + math.copysign(step, wider - middle)
        value = yield top
        points = _around_best([*points, (top, value)])


def _around_best(points: list[Point]) -> list[Point]:
    """Return the best of four points and its neighbours, three in all, in order."""
    points = sorted(points)
    best = max(range(len(points)), key=lambda k: points[k][1])
    first = min(max(0, best - 1), len(points) - 3)
    return points[first : first + 3]


def _vertex(points: list[Point]) -> float | None:
    """Return where the parabola through three points has its top; None if not between them."""
    (x0, y0), (x1, y1), (x2, y2) = points
    left, right = (x1 - x0) * (y1 - y2), (x1 - x2) * (y1 - y0)
    if left == right:
        return None
    top = x1 - 0.5 * ((x1 - x0) * left - (x1 - x2) * right) / (left - right)
    return top if x0 < top < x2 else None


def _brent(near: list[Point], best: Point, tolerance: float) -> Heights:
    """Brent's method [1]_: parabolas, and golden sections where those do not converge."""
    low, high = near[0][0], near[-1][0]
    x = w = v = best[0]
    fx = fw = fv = best[1]
    if x in (low, high):
        x = w = v = low + _GOLDEN * (high - low)
        fx = fw = fv = yield x
    step = last = 0.0
    least = tolerance / 4
    while abs(x - (low + high) / 2) > 2 * least - (high - low) / 2:
        middle = (low + high) / 2
        move = _brent_step((x, fx), (w, fw), (v, fv)) if abs(last) > least else None
        if move is None or abs(move) >= abs(last / 2) or not low < x + move < high:
            last = (high if x < middle else low) - x
            move = _GOLDEN * last
        else:
            last = step
            if min(x + move - low, high - x - move) < 2 * least:
                move = math.copysign(least, middle - x)
        step = move
        u = x + (move if abs(move) >= least else math.copysign(least, move))
        fu = yield u
        if fu >= fx:
            low, high = (x, high) if u >= x else (low, x)
            v, fv, w, fw, x, fx = w, fw, x, fx, u, fu
            continue
        low, high = (u, high) if u < x else (low, u)
        if fu >= fw or w == x:
            v, fv, w, fw = w, fw, u, fu
        elif fu >= fv or v in (x, w):
            v, fv = u, fu


def _brent_step(x: Point, w: Point, v: Point) -> float | None:
    """Return the way from the best point to the top of the parabola through the best three."""
    r = (x[0] - w[0]) * (x[1] - v[1])
    q = (x[0] - v[0]) * (x[1] - w[1])
    p = (x[0] - v[0]) * q - (x[0] - w[0]) * r
    q = 2 * (q - r)
    return None if q == 0 else -p / q


_CLOSE_IN: dict[AutofocusSearch, Callable[[list[Point], Point, float], Heights]] = {
    "ternary": _ternary,
    "brent": _brent,
    "parabola": _parabola,
}
