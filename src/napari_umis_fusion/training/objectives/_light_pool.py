"""Rendered light that several steps use, since rendering takes longer than recording it anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from napari_umis_fusion.synthetic import Irradiance

Lights = Sequence[Irradiance]

APART = 3
"""Uses of one light are as many lights apart: steps that follow each other see different ones."""

MARGIN = 8
"""Lights that are kept for steps that are prepared out of order."""


@dataclass(slots=True)
class _Entry:
    lights: Lights | None = None
    lock: Lock = field(default_factory=Lock)


class LightPool:
    """Keeps the light of the last steps; safe to use from several threads.

    Which light a step uses follows from its number alone, so that a resumed training sees what an
    uninterrupted one would.

    Parameters
    ----------
    render : callable
        Returns the lights of a number, the same whenever it is called.
    uses : int
        Number of steps that use each light.
    """

    def __init__(self, render: Callable[[int], Lights], uses: int) -> None:
        self._render, self._uses = render, uses
        self._kept: dict[int, _Entry] = {}
        self._lock = Lock()

    def of_step(self, step: int) -> Lights:
        """Return the lights of a step; render them unless an earlier step did."""
        number = light_of_step(step, self._uses)
        with self._lock:
            entry = self._kept.setdefault(number, _Entry())
            oldest = step // self._uses - APART * (self._uses - 1) - MARGIN
            for old in [n for n in self._kept if n < min(oldest, number)]:
                del self._kept[old]
        # Each has a lock of its own: threads render different lights at the same time.
        with entry.lock:
            if entry.lights is None:
                entry.lights = self._render(number)
            return entry.lights


def light_of_step(step: int, uses: int) -> int:
    """Return the number of the light that a step uses.

    Each is new once in `uses` steps, so that every step leaves as much to render.
    """
    newest, use = divmod(step, uses)
    number = newest - APART * use
    # The first steps have nothing older.
    return number if number >= 0 else newest
