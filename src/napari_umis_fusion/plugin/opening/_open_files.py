"""The commands that ask for files or a folder, and open them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.viewer import Viewer


def open_planes(viewer: "Viewer") -> list[Any]:
    """Open a dialog for plane images, and open them as one z-stack in the order of their names."""
    from qtpy.QtWidgets import QFileDialog

    from napari_umis_fusion.files.read import SUFFIXES

    patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
    paths, _ = QFileDialog.getOpenFileNames(
        _window(viewer), "Plane images of one z-stack", "", f"Images ({patterns})"
    )
    if not paths:
        return []
    return open_stack_files(viewer, paths)


def open_stack_files(viewer: "Viewer", paths: list[str]) -> list[Any]:
    """Open plane images as one z-stack, or show what they are where that is not clear.

    Returns
    -------
    list of Layer
        Empty while the user is asked, who then opens the layers.
    """
    from napari.layers import Layer

    from napari_umis_fusion.files.read import survey_files

    survey = survey_files(paths)
    if not survey.is_clear:
        _show(viewer, survey)
        return []
    layers = [Layer.create(*made) for made in survey.layers()]
    for layer in layers:
        viewer.add_layer(layer)
    return layers


def open_folder(viewer: "Viewer") -> Any:
    """Open a dialog for a folder, and show what is understood of it before it is opened."""
    from qtpy.QtWidgets import QFileDialog

    from napari_umis_fusion.files.read import survey_files

    folder = QFileDialog.getExistingDirectory(
        _window(viewer), "Folder of plane images, or of stacks"
    )
    return _show(viewer, survey_files(folder)) if folder else None


def _show(viewer: "Viewer", survey: Any) -> Any:
    from napari_umis_fusion.plugin.opening import FolderDialog

    dialog = FolderDialog(viewer, survey)
    dialog.show()
    return dialog


def _window(viewer: "Viewer") -> Any:
    """Return the Qt window: napari hands commands a viewer that hides what is private."""
    return getattr(viewer, "__wrapped__", viewer).window._qt_window
