"""Extras: packages that only some of the work needs, and what to do where they are missing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec


def install_command(extra: str) -> str:
    """Return the command that installs an extra of this package."""
    return f'pip install "napari-umis-fusion[{extra}]"'


def are_installed(packages: Sequence[str]) -> bool:
    """Whether packages can be imported; imports none of them."""
    return all(find_spec(name) is not None for name in packages)


@contextmanager
def needs_extra(
    extra: str, packages: Sequence[str], purpose: str, error: type[Exception]
) -> Iterator[None]:
    """Import the packages of an extra inside this context.

    Parameters
    ----------
    extra : str
        Name of the extra.
    packages : sequence of str
        Names of its packages, as they are imported. Others that are missing are told as they are.
    purpose : str
        What is done with them, such as "OME-Zarr is read and written by yaozarrs".
    error : type
        Exception that is raised if one is missing, with the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in packages:
            raise
        raise error(
            f"{purpose}, but {missing.name} is not installed. Install it with "
            f"{install_command(extra)}, then restart."
        ) from missing
