"""Lock a folder of models: whether a name is unique depends on all other models."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from napari_umis_fusion.errors import BusyError, CheckpointError
from napari_umis_fusion.runtime import locked, naming_faults

LOCK = ".lock"
"""An empty file in the folder."""

PATIENCE_S = 60.0
"""Longer than copying the largest weights to a slow disk."""


@contextmanager
def reserved(folder: Path) -> Iterator[None]:
    """Lock a folder of models against other processes; it is created if needed.

    Raises
    ------
    BusyError
        If others change it for long.
    CheckpointError
        If it cannot be written.
    """
    with ExitStack() as stack:
        with naming_write_faults(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                stack.enter_context(locked(folder / LOCK, PATIENCE_S))
            except TimeoutError as error:
                raise BusyError(
                    f"{folder}: another process has locked the models for {PATIENCE_S:.0f} s; end "
                    "it, or try again later. Nothing was changed"
                ) from error
        yield


def naming_write_faults(path: Path) -> AbstractContextManager[None]:
    """Raise an `OSError` inside as a `CheckpointError` that names a file or folder of models."""
    advice = "choose a folder in which you may write. Nothing was changed"
    return naming_faults(path, CheckpointError, "cannot be written", advice, of=OSError)
