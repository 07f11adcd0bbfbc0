"""Ctrl-C that is not lost."""

import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from napari_umis_fusion.runtime import run_to_end

Done = TypeVar("Done")
Event = TypeVar("Event")


def run_interruptibly(steps: Generator[Event, None, Done], take: Callable[[Event], object]) -> Done:
    """Run a generator to its end; Ctrl-C ends it at the next event at the latest."""
    with kept_interrupts() as check:

        def take_unless_interrupted(event: Event) -> None:
            check()
            take(event)

        return run_to_end(steps, take_unless_interrupted)


@contextmanager
def kept_interrupts() -> Iterator[Callable[[], None]]:
    """Keep Ctrl-C for long work, and yield what raises `KeyboardInterrupt` if it was lost.

    Python raises it wherever it is, and some of that is code in C that clears all errors, so that
    about one of 500 was lost and the work went on. Where Ctrl-C does something else than in a plain
    program, that stays.
    """
    pressed = threading.Event()

    def on_signal(*_: Any) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, on_signal)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
