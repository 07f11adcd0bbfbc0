"""Locks on files, which the system releases when their process ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(lock: Path, patience_s: float) -> Iterator[None]:
    """Hold a lock; a killed process leaves only an empty file, not a lock.

    The lock excludes other threads of this process as well as other processes.

    Parameters
    ----------
    lock : Path
        The lock file, created if it is missing; its folder must exist.
    patience_s : float
        How long to wait for the current holder, in s.

    Raises
    ------
    TimeoutError
        If the lock is not released in time.
    OSError
        If the file cannot be created.
    """
    from filelock import FileLock, Timeout  # here, since most processes lock nothing

    # Not bound to a thread: a generator may be closed in another thread than it ran in.
    held = FileLock(lock, thread_local=False)
    try:
        held.acquire(timeout=patience_s)
    except Timeout as error:
        # A standard exception, so that callers do not depend on filelock.
        raise TimeoutError(f"{lock} is held by another process") from error
    try:
        yield
    finally:
        held.release()
