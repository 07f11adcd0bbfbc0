"""The shutter while a picture is taken."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def lit(core: Any) -> Iterator[None]:
    """Hold the shutter open inside this context, where it is to open by itself.

    For cameras that are Python devices, cores do not do so; for others it changes nothing.
    """
    shutter = core.getShutterDevice() if core.getAutoShutter() else ""
    if not shutter or core.getShutterOpen(shutter):
        yield
        return
    core.setShutterOpen(shutter, True)
    try:
        core.waitForDevice(shutter)
        yield
    finally:
        with suppress(Exception):  # what ended the picture is told; a shutter that is gone as well
            core.setShutterOpen(shutter, False)


def snapped(core: Any) -> Any:
    """Return one picture (Y, X[, C])."""
    with lit(core):
        return core.snap().copy()
