"""Where trainings that outlive the program are kept, and which of them is worked on."""

import contextlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from napari_umis_fusion.errors import BusyError, CheckpointError
from napari_umis_fusion.runtime import atomic_write, locked

FOLDER_VARIABLE = "UMIS_FUSION_TRAININGS"
"""Environment variable that names another folder for sessions."""

ABOUT, STATE = "session.json", "training.state"

LOCK = "session.lock"
"""In the folder of a session; the system knows who holds it."""

OWNER = "owner.json"
"""Beside the lock while it is held: who works on the session, for people."""

LINK = ".link.json"
"""Ending of a file that stands for a session that lies elsewhere."""

PATIENCE_S = 1.0
"""For a lock that is held only to look whether it is."""


def sessions_folder() -> Path:
    """Return where sessions lie: `UMIS_FUSION_TRAININGS`, or a folder of the user's data."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    return platformdirs.user_data_path("napari-umis-fusion", appauthor=False) / "trainings"


def is_session(path: Path) -> bool:
    """Tell whether a path is the folder of a session."""
    return (path / ABOUT).is_file()


def state_file(path: Path) -> Path:
    """Return the state that is in a session's folder; any other path as it is."""
    return path / STATE if is_session(path) else path


def make_folder(folder: Path) -> None:
    """Make a folder that is not there yet: of two who want the same one, one gets it."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        text = f"{folder}: is there already; go on with it, or name another"
        raise CheckpointError(text) from error
    except OSError as error:
        raise CheckpointError(no_room(folder, error)) from error


def no_room(path: Path, error: OSError) -> str:
    """Say that nothing can be kept in a place, and what to do."""
    return (
        f"{path}: the training cannot be kept there ({error.strerror or error}); free some space, "
        f"or name another folder in {FOLDER_VARIABLE}. Nothing was begun."
    )


def session_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of sessions that lie in `root` or are linked from there, newest first."""
    try:
        found = sorted(root.iterdir(), key=lambda path: path.name, reverse=True)
    except OSError:
        return
    for path in found:
        folder = _linked(path) if path.name.endswith(LINK) else path
        if folder is not None and is_session(folder):
            yield folder


def time_name(now: datetime) -> str:
    """Return a name that sorts by time, in UTC."""
    return f"{now.astimezone(UTC):%Y-%m-%d-%H%M%S-%f}"


def link(folder: Path, root: Path) -> None:
    """Let a session that lies elsewhere be found in `root`; where that fails, it is not."""
    folder = folder.absolute()
    if folder.parent == root.absolute():
        return
    unlink(folder, root)
    with contextlib.suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        with atomic_write(root / f"{time_name(datetime.now(UTC))}{LINK}") as beside:
            beside.write_text(json.dumps({"folder": str(folder)}), "utf-8")


def unlink(folder: Path, root: Path) -> None:
    """Forget a session that lay elsewhere."""
    with contextlib.suppress(OSError):
        for path in root.glob(f"*{LINK}"):
            if _linked(path) == folder.absolute():
                path.unlink(missing_ok=True)


def is_locked(folder: Path) -> bool:
    """Tell whether a session is worked on now, by this process or another."""
    try:
        with locked(folder / LOCK, 0):
            return False
    except OSError:
        return True


@contextmanager
def lock_session(folder: Path) -> Iterator[None]:
    """Keep others from a session while it is worked on.

    Raises
    ------
    BusyError
        If it is worked on already.
    CheckpointError
        If it is gone, or its folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / LOCK, PATIENCE_S))
        except TimeoutError as error:
            raise BusyError(_busy(folder)) from error
        except OSError as error:
            raise CheckpointError(
                f"{folder}: cannot be kept from others ({error.strerror or error}); is it there, "
                "and may you write in it?"
            ) from error
        if not is_session(folder):  # discarded by whoever held the lock
            raise CheckpointError(f"{folder}: the training was discarded meanwhile; begin anew.")
        _sign(folder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                (folder / OWNER).unlink()


def session_lock(state: Path | None) -> AbstractContextManager[None]:
    """Keep others from the session that a state lies in, if it lies in one."""
    if state is None or not is_session(state.parent):
        return nullcontext()
    return lock_session(state.parent)


def _sign(folder: Path) -> None:
    """Write down who works on a session."""
    owner = {
        "pid": os.getpid(),
        "program": _program(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    with contextlib.suppress(OSError), atomic_write(folder / OWNER) as beside:  # on a full disk
        beside.write_text(json.dumps(owner), "utf-8")


def _program() -> str:
    started = Path(sys.argv[0])
    return (started.parent if started.name == "__main__.py" else started).name or "python"


def _busy(folder: Path) -> str:
    try:
        found = json.loads((folder / OWNER).read_text("utf-8"))
        who = "process {pid} ({program}, on {host}), since {since}".format(**found)
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return (
        f"{folder}: this training is worked on by {who}. Wait until it ends, or interrupt it "
        "there; then go on with it here."
    )


def _linked(path: Path) -> Path | None:
    try:
        return Path(json.loads(path.read_text("utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
