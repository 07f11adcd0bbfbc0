"""The folders of training sessions, and their locks."""

import contextlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from napari_umis_fusion.errors import BusyError, CheckpointError
from napari_umis_fusion.runtime import atomic_write, locked, read_json, user_data

FOLDER_VARIABLE = "UMIS_FUSION_TRAININGS"
"""Environment variable that names another folder for sessions."""

ABOUT, STATE = "session.json", "training.state"

LOCK = "session.lock"
"""Lock file of a session; the operating system releases it if its process dies."""

OWNER = "owner.json"
"""File beside the lock while it is held: names the process, for error messages."""

LINK = ".link.json"
"""Extension of a file that links to a session in another folder."""

_SHOWN = 80
"""Characters of each entry of that file in an error message."""

PATIENCE_S = 1.0
"""Others hold the lock for a moment, only to test it."""


def sessions_folder() -> Path:
    """Return the folder of all sessions: `UMIS_FUSION_TRAININGS`, or one in the user's data."""
    return user_data("trainings", FOLDER_VARIABLE)


def is_session(path: Path) -> bool:
    """Return whether a path is the folder of a session."""
    return (path / ABOUT).is_file()


def state_file(path: Path) -> Path:
    """Return the state file of a session's folder; any other path unchanged."""
    return path / STATE if is_session(path) else path


def make_folder(folder: Path) -> None:
    """Create a folder that does not exist: of two concurrent processes, one succeeds."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        text = f"{folder}: exists already; resume its training, or choose another folder"
        raise CheckpointError(text) from error
    except OSError as error:
        raise CheckpointError(no_room(folder, error)) from error


def no_room(path: Path, error: OSError) -> str:
    """Return the message that a session cannot be written."""
    return (
        f"{path}: the training cannot be saved there ({error.strerror or error}); free some space, "
        f"or set another folder in {FOLDER_VARIABLE}. No training was started."
    )


def session_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of sessions in `root`, or linked from there, newest first."""
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
    """Link a session in another folder from `root`, if possible."""
    folder = folder.absolute()
    if folder.parent == root.absolute():
        return
    # at most one link for each session
    unlink(folder, root)
    with contextlib.suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        with atomic_write(root / f"{time_name(datetime.now(UTC))}{LINK}") as beside:
            beside.write_text(json.dumps({"folder": str(folder)}), "utf-8")


def unlink(folder: Path, root: Path) -> None:
    """Remove the link to a session in another folder."""
    with contextlib.suppress(OSError):
        for path in root.glob(f"*{LINK}"):
            if _linked(path) == folder.absolute():
                path.unlink(missing_ok=True)


def is_locked(folder: Path) -> bool:
    """Return whether a session is in use, by this process or another."""
    try:
        with locked(folder / LOCK, 0):
            return False
    except OSError:
        return True


@contextmanager
def lock_session(folder: Path) -> Iterator[None]:
    """Lock a session against other processes and windows.

    Raises
    ------
    BusyError
        If it is in use.
    CheckpointError
        If it does not exist any more, or its folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / LOCK, PATIENCE_S))
        except TimeoutError as error:
            raise BusyError(_busy(folder)) from error
        except OSError as error:
            raise CheckpointError(
                f"{folder}: cannot be locked ({error.strerror or error}); check that it exists and "
                "that you may write in it"
            ) from error
        if not is_session(folder):  # the process that held the lock has discarded it
            raise CheckpointError(
                f"{folder}: the training was discarded meanwhile; start a new one."
            )
        _write_owner(folder)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                (folder / OWNER).unlink()


def session_lock(state: Path | None) -> AbstractContextManager[None]:
    """Lock the session that a state belongs to, if it belongs to one."""
    if state is None or not is_session(state.parent):
        return nullcontext()
    return lock_session(state.parent)


def _write_owner(folder: Path) -> None:
    """Record the process that uses a session."""
    owner = {
        "pid": os.getpid(),
        "program": _program(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    with contextlib.suppress(OSError), atomic_write(folder / OWNER) as beside:  # a full disk
        beside.write_text(json.dumps(owner), "utf-8")


def _program() -> str:
    started = Path(sys.argv[0])
    return (started.parent if started.name == "__main__.py" else started).name or "python"


def _busy(folder: Path) -> str:
    try:
        found = read_json(folder / OWNER)
        pid, program, host, since = (
            str(found[key])[:_SHOWN] for key in ("pid", "program", "host", "since")
        )
        who = f"process {pid} ({program}, on {host}), since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return (
        f"{folder}: this training is in use by {who}. Wait until it ends, or interrupt it there, "
        "and then resume it here."
    )


def _linked(path: Path) -> Path | None:
    try:
        return Path(read_json(path)["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
