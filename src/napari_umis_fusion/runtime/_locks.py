"""Keep others from files while they are worked on, by locks that end with their process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked(lock: Path, patience_s: float) -> Iterator[None]:
    """Hold a lock; a process that is killed leaves none, only an empty file.

    Other threads of this process are kept out as other processes are.

    Parameters
    ----------
    lock : Path
        An empty file that is made where it lacks, in a folder that is there.
    patience_s : float
        How long to wait for whoever holds it.

    Raises
    ------
    TimeoutError
        If it is held for longer.
    OSError
        If the file cannot be made.
    """
    # not by thread: a generator may be closed in another one than it was run in
    held = FileLock(lock, thread_local=False)
    try:
        held.acquire(timeout=patience_s)
    except Timeout as error:
        raise TimeoutError(f"{lock} is held by another process") from error
    try:
        yield
    finally:
        held.release()
