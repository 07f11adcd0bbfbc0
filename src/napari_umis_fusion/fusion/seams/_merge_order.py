"""The order in which planes are composed, so that a stack gives the same from either end.

Borders between planes are solved for two composites at a time, and what a third one adds depends
on what the first two left of each other. Planes that are added one by one to what came before
therefore decide otherwise when they arrive from the other end. Here they are composed like the
matches of a tournament, whose second half is the mirror image of the first. It is lopsided so that
few composites wait for their match at any time.
"""

import sys
from collections.abc import Collection, Iterator
from functools import cache
from math import comb

MOST_WAITING = 4
"""Composites that wait at the same time, at most. Up to 140 planes, or 61 if they are odd, the
order is the same from both ends; beyond, some neighbours are added one by one."""

ENOUGH = 40
"""Planes from which on as many may wait as ever do."""

END = -1
"""Depth of the border after the last plane: no border is less deep."""

NO_BORDER = sys.maxsize
"""Depth of what is no border, since its plane is left out."""


class MergeOrder:
    """Says when composites of neighbouring planes are merged.

    Parameters
    ----------
    planes : int
        Number of planes of the stack.
    left_out : collection of int, optional
        Planes that are known not to be added: the order is that of a stack without them. Others may
        be left out as well.
    in_turn : bool
        Whether each plane is added to all before it instead, however many there will be.

    Examples
    --------
    >>> order = MergeOrder(4)
    >>> [(order.merges_before(z), order.joins(z)) for z in range(4)]
    [(0, False), (0, True), (0, False), (0, True)]
    >>> list(order.merges_at_end())
    [1]
    """

    def __init__(
        self, planes: int, left_out: Collection[int] = (), *, in_turn: bool = False
    ) -> None:
        self._is_in_turn = in_turn
        depths = iter(_depths(planes - len(left_out)))
        # Of borders on either side of a plane that is left out, only the one behind it counts.
        self._depths = [NO_BORDER if z in left_out else next(depths) for z in range(planes)]
        self._depths.append(END)
        self._last: int | None = None
        self._waiting: list[int] = []  # depths of the borders between composites

    def merges_before(self, z: int) -> int:
        """Return how often the last two composites are merged before plane `z` is added."""
        if self._last is None or self._is_in_turn:
            return 0
        depth = self._border(z)
        merges = sum(d > depth for d in self._waiting)
        del self._waiting[len(self._waiting) - merges :]
        return merges

    def joins(self, z: int) -> bool:
        """Add plane `z`: whether to the last composite; else it begins one of its own."""
        if self._last is None:
            self._last = z
            return False
        if self._is_in_turn:
            return True
        depth, self._last = self._border(z), z
        is_even = bool(self._waiting) and self._waiting[-1] == depth
        if depth > self._border_after(z) and not is_even:
            return True
        self._waiting.append(depth)
        return False

    def merges_at_end(self) -> Iterator[int]:
        """Yield merges after the last plane: into which composite, from the last, the last goes.

        1 is the one before the last. Of three that are of equal rank, the outer ones go first.
        """
        waiting = self._waiting
        while waiting:
            is_middle_left_over = len(waiting) > 1 and waiting[-1] == waiting[-2]
            waiting.pop()
            yield 2 if is_middle_left_over else 1

    def _border_after(self, z: int) -> int:
        """Return the depth of the border behind plane `z`, whatever plane comes next."""
        return next(depth for depth in self._depths[z + 1 :] if depth != NO_BORDER)

    def _border(self, z: int) -> int:
        """Return the depth of the border between the plane added last and plane `z`."""
        assert self._last is not None
        return min(self._depths[self._last + 1 : z + 1])


def most_composites(planes: int) -> int:
    """Return how many composites of a number of planes, or of fewer, exist at the same time.

    Where planes are left out, there may be more of them.
    """
    return max(_most_composites(count) for count in range(1, min(planes, ENOUGH) + 1))


@cache
def _most_composites(planes: int) -> int:
    order, count, most = MergeOrder(planes), 0, 1
    for z in range(planes):
        count -= order.merges_before(z)
        count += not order.joins(z)
        most = max(most, count)
    return most


def _depths(planes: int) -> list[int]:
    """Return how deep in the tournament each plane meets those before it; the final is 0."""
    # Neighbours without a match of their own are added one by one, before any match.
    depths = [2 * planes - z for z in range(planes)]
    half, is_odd = planes // 2, planes % 2 == 1
    right, left = _turns(half, is_odd=is_odd)
    parts = min(half, comb(right + left, left))
    matches = [0] * parts
    _divide(matches, 0, parts, 1, right, left)
    for part in range(1, parts):
        start = part * half // parts
        depths[start] = depths[planes - start] = matches[part]
    for final in {half, planes - half} - {0, planes}:
        depths[final] = 0
    return depths


def _turns(planes: int, *, is_odd: bool) -> tuple[int, int]:
    """Return how often a half of a stack may turn right and left on the way to a plane.

    Each turn to the right is a composite that waits, and in the mirror image each to the left.
    """
    for right in range(1 + is_odd, MOST_WAITING):
        left = right - 1 - is_odd
        if comb(right + left, left) >= planes:
            return right, left
    return MOST_WAITING, MOST_WAITING - 1 - is_odd


def _divide(depths: list[int], first: int, last: int, depth: int, right: int, left: int) -> None:
    """Fill the depths of the borders between parts `first` and `last` - 1."""
    parts = last - first
    if parts < 2:
        return
    most, of_left = comb(right + left, left), comb(right + left - 1, right)
    least, largest = max(1, parts - (most - of_left)), min(parts - 1, of_left)
    middle = first + min(max(round(parts * of_left / most), least), largest)
    depths[middle] = depth
    _divide(depths, first, middle, depth + 1, right, left - 1)
    _divide(depths, middle, last, depth + 1, right - 1, left)
