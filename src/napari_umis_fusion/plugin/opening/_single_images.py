"""Images that are opened one after another, and look like the planes of one stack."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files.read import Survey, survey_files
from napari_umis_fusion.plugin.opening._folder_dialog import FolderDialog
from napari_umis_fusion.plugin.opening._shown_viewer import shown_viewer

_QUIET_MS = 400
"""Files that are dropped together are read without such a pause in between."""


class SingleImages(QObject):
    """Collects images that are opened one by one, and offers to open them as a stack.

    napari hands over dropped files one at a time, unless Shift is held.
    """

    def __init__(self) -> None:
        super().__init__()
        self._paths: list[Path] = []
        self._timer = QTimer(self, singleShot=True, interval=_QUIET_MS)
        self._timer.timeout.connect(self.offer)

    def add(self, path: Path) -> None:
        """Note that a file is opened as a single image."""
        self._paths.append(path)
        self._timer.start()

    def offer(self) -> Any:
        """Show a dialog if the files since the last offer look like planes; return it, or None."""
        paths, self._paths = list(dict.fromkeys(self._paths)), []
        viewer = shown_viewer()
        survey = None if viewer is None else planes_among(paths)
        if survey is None:
            return None
        dialog = FolderDialog(viewer, survey, "These look like planes of one z-stack", paths)
        dialog.show()
        return dialog


def planes_among(paths: list[Path]) -> Survey | None:
    """Return what is understood of files that are planes of one stack; None if they are not."""
    if len(paths) < 2:
        return None
    try:
        survey = survey_files(paths)
    except UmisFusionError:  # no stack; they are open as they are
        return None
    has_z = any(axis.letter == "Z" for axis in survey.grid.axes)
    is_sure = survey.grid.is_sure and not survey.left_out and not survey.holds_stacks
    return survey if has_z and is_sure else None
