"""One change of a folder of models at a time, whoever makes it: names and notes depend on all."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from napari_umis_fusion.errors import BusyError, CheckpointError
from napari_umis_fusion.runtime import locked

LOCK = ".lock"
"""In the folder; empty."""

PATIENCE_S = 60.0
"""Copying the largest weights to a slow disk takes less."""


@contextmanager
def reserved(folder: Path) -> Iterator[None]:
    """Keep others from changing a folder of models, which is made.

    Raises
    ------
    BusyError
        If others change it for long.
    CheckpointError
        If it cannot be written.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder / LOCK, PATIENCE_S))
        except TimeoutError as error:
            raise BusyError(
                f"{folder}: another process changes the models there for {PATIENCE_S:.0f} s now; "
                "end it, or try again later. Nothing was changed"
            ) from error
        except OSError as error:
            raise CheckpointError(no_room(folder, error)) from error
        yield


def no_room(folder: Path, error: OSError) -> str:
    """Say that a folder of models cannot be written, and what to do."""
    return (
        f"{folder}: cannot be written ({error.strerror or error}); free some space, or choose "
        "a folder in which you may write. What was there is as it was"
    )
