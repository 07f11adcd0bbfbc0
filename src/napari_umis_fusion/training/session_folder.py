"""Where trainings that outlive the program are kept, and which of them is worked on."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import psutil

FOLDER_VARIABLE = "UMIS_FUSION_TRAININGS"
"""Environment variable that names another folder for sessions."""

OWNER = "owner.json"
"""In the folder of a session while it is worked on: process, and when that began."""

_own: set[Path] = set()
_lock = threading.Lock()


def sessions_folder() -> Path:
    """Return where sessions lie: `UMIS_FUSION_TRAININGS`, or a folder of the user's data."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    return platformdirs.user_data_path("napari-umis-fusion", appauthor=False) / "trainings"


def is_taken(folder: Path) -> bool:
    """Tell whether a session is worked on now, by this process or another."""
    with _lock:
        if folder.resolve() in _own:
            return True
    try:
        pid, began = json.loads((folder / OWNER).read_text("utf-8"))
        return bool(pid != os.getpid() and psutil.Process(pid).create_time() == began)
    except (OSError, ValueError, TypeError, psutil.Error):
        return False


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """Keep others from a session while it is worked on."""
    owner = json.dumps([os.getpid(), psutil.Process().create_time()])
    with _lock:
        _own.add(folder.resolve())
    with contextlib.suppress(OSError):  # on a full disk
        (folder / OWNER).write_text(owner, "utf-8")
    try:
        yield
    finally:
        (folder / OWNER).unlink(missing_ok=True)
        with _lock:
            _own.discard(folder.resolve())
