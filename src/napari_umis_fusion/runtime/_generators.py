"""Generators of events, run to their end or inside another generator."""

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from napari_umis_fusion.runtime._progress import Progress

Part = TypeVar("Part")
Done = TypeVar("Done")
Event = TypeVar("Event")


def run_to_end(
    steps: Generator[Event, None, Done], take: Callable[[Event], object] | None = None
) -> Done:
    """Run a generator to its end, pass each event to `take`, and return its result."""
    while True:
        try:
            # A for loop would lose the result of the generator.
            event = next(steps)
        except StopIteration as end:
            done: Done = end.value
            return done
        if take is not None:
            take(event)


def expand_events(
    steps: Generator[Part, None, Done], expand: Callable[[Part], Iterable[Event]]
) -> Generator[Event, None, Done]:
    """Yield what becomes of each event of a generator, none or several; return its result."""
    try:
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                done: Done = end.value
                return done
            yield from expand(event)
    finally:
        # Abandoned here, the inner generator must end now, not when it is collected as garbage:
        # its threads and files are released in its own `finally`.
        steps.close()


def map_events(
    steps: Generator[Part, None, Done], change: Callable[[Part], Event]
) -> Generator[Event, None, Done]:
    """Yield each event of a generator, changed, and return its result."""
    return (yield from expand_events(steps, lambda event: (change(event),)))


def map_progress(
    steps: Generator[object, None, Done], change: Callable[[Progress], Event]
) -> Generator[Event, None, Done]:
    """Yield the progress of a generator, changed, and no other event; return its result."""

    def only(event: object) -> tuple[Event, ...]:
        return (change(event),) if isinstance(event, Progress) else ()

    return (yield from expand_events(steps, only))


def repeat_event(
    steps: Generator[object, None, Done], event: Event
) -> Generator[Event, None, Done]:
    """Yield the same event whenever a generator yields, and return its result."""
    return (yield from map_events(steps, lambda _: event))
