"""The viewer whose user can be asked."""

import sys
import threading
from typing import Any


def shown_viewer() -> Any:
    """Return the current viewer if its window is visible, so that its user can be asked.

    Returns
    -------
    napari.Viewer or None
        None in scripts and tests without a visible window, and outside of the main thread.
    """
    napari: Any = sys.modules.get("napari")
    if napari is None or threading.current_thread() is not threading.main_thread():
        return None
    viewer = napari.current_viewer()
    return viewer if viewer is not None and viewer.window._qt_window.isVisible() else None
