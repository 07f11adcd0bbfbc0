"""Fields of a run: what becomes one z-stack each."""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

Index = tuple[tuple[str, int], ...]
"""Entry of each axis but z."""

EVENTS_AT_ONCE = 500
"""Events that are counted between two yields."""

MOST_EVENTS = 200_000
"""Events that are counted beforehand; runs without an end have more."""


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """One place, time and channel of a run: the planes of one z-stack.

    Attributes
    ----------
    index : tuple of (str, int)
        Entry of each axis but z, such as ``(("t", 0), ("c", 1))``.
    repeat : int
        How often the same place was swept before in the same run.
    run : int
        Number of the run, counted from 0, for those who follow several.
    """

    index: Index = ()
    repeat: int = 0
    run: int = 0

    @property
    def name(self) -> str:
        """A name for files and layers.

        Examples
        --------
        >>> Field((("t", 0), ("c", 1))).name, Field().name, Field(repeat=2).name
        ('t000_c001', 'sweep', 'sweep_r002')
        """
        parts = [f"{axis}{number:03d}" for axis, number in self.index] or ["sweep"]
        return "_".join([*parts, *([f"r{self.repeat:03d}"] if self.repeat else [])])


def field_index(index: Mapping[str, int]) -> Index:
    """Return the index of an event without its z."""
    return tuple((str(axis), int(number)) for axis, number in index.items() if axis != "z")


def iter_count_planes(events: Iterable[Any]) -> Generator[None, None, Counter[Index]]:
    """Count the planes of each field of a sequence, whatever its axes and their order.

    Positions may have z plans of their own, and channels may skip z: only the events tell. Of a run
    without an end the first `MOST_EVENTS` count.

    Parameters
    ----------
    events : iterable of useq.MDAEvent
        Such as a ``useq.MDASequence``.

    Yields
    ------
    None
        After every `EVENTS_AT_ONCE` events.
    """
    counted: Counter[Index] = Counter()
    for number, event in enumerate(islice(events, MOST_EVENTS)):
        if "z" in event.index and takes_picture(event):
            counted[field_index(event.index)] += 1
        if number % EVENTS_AT_ONCE == EVENTS_AT_ONCE - 1:
            yield
    return counted


def takes_picture(event: Any) -> bool:
    """Whether an event takes a picture: not an autofocus or another action."""
    action = getattr(event, "action", None)
    return action is None or getattr(action, "type", "acquire_image") == "acquire_image"
