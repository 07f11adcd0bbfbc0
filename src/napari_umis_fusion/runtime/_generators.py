"""Drive generators of events: to their end, or inside another generator."""

from collections.abc import Callable, Generator
from typing import TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")
Event = TypeVar("Event")


def run_to_end(
    steps: Generator[Event, None, Done], take: Callable[[Event], object] | None = None
) -> Done:
    """Run a generator to its end, `take` what it yields, and return what it returns."""
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            done: Done = end.value
            return done
        if take is not None:
            take(event)


def map_events(
    steps: Generator[Part, None, Done], change: Callable[[Part], Event]
) -> Generator[Event, None, Done]:
    """Yield what the steps yield, changed, and return what they return."""
    try:
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                done: Done = end.value
                return done
            yield change(event)
    finally:
        steps.close()


def repeat_event(
    steps: Generator[object, None, Done], event: Event
) -> Generator[Event, None, Done]:
    """Yield the event whenever the steps yield, and return what they return."""
    return (yield from map_events(steps, lambda _: event))
