"""The extra that brings the microscope: what to do where it is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from napari_umis_fusion.errors import LiveError

INSTALL = 'pip install "napari-umis-fusion[live]"'
"""The command that installs what this room needs."""

_NEEDED = ("pymmcore_plus", "pymmcore", "useq")


def live_is_installed() -> bool:
    """Whether the packages of the extra ``live`` can be imported; imports none of them."""
    return all(find_spec(name) is not None for name in _NEEDED)


@contextmanager
def needs_live() -> Iterator[None]:
    """Import from the extra ``live`` inside this context.

    Raises
    ------
    LiveError
        If a package of the extra is missing, with the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise LiveError(
            f"microscopes are reached by pymmcore-plus, but {error.name} is not installed. "
            f"Install it with {INSTALL}, then restart."
        ) from error
