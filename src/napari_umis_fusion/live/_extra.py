"""The extra that brings the microscope: what to do where it is not installed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.runtime import are_installed, needs_extra

_NEEDED = ("pymmcore_plus", "pymmcore", "useq")
_PURPOSE = "microscopes are reached by pymmcore-plus"


@contextmanager
def needs_live() -> Iterator[None]:
    """Import from the extra ``live`` inside this context; raises `LiveError` if it is missing.

    pymmcore-plus sets the level of the root logger to ``DEBUG`` when it is imported, so that
    every library begins to log all that it does. Here its own log alone gets that level.
    """
    root = logging.getLogger()
    level = root.level
    try:
        with needs_extra("live", _NEEDED, _PURPOSE, LiveError):
            yield
    finally:
        if root.level != level:
            logging.getLogger("pymmcore-plus").setLevel(root.level)
            root.setLevel(level)


def live_is_installed() -> bool:
    """Whether the packages of the extra ``live`` can be imported; imports none of them."""
    return are_installed(_NEEDED)
