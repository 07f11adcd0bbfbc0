"""Silence of tifffile, which logs to standard error what is wrong with a file.

What matters of it, this package says itself: as an error, or as a note on what was assumed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_reading = ContextVar("is_reading", default=False)


def _is_of_others(record: logging.LogRecord) -> bool:
    return not _is_reading.get()


# A filter, since other users of tifffile in this process keep their messages.
logging.getLogger("tifffile").addFilter(_is_of_others)


@contextmanager
def quiet_tifffile() -> Iterator[None]:
    """Drop what tifffile logs in this thread meanwhile."""
    before = _is_reading.set(True)
    try:
        yield
    finally:
        _is_reading.reset(before)
