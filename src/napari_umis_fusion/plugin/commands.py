"""The commands of menus and command palette."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.viewer import Viewer

PLUGIN = "napari-umis-fusion"
WIDGET = "Fuse z-stack"
TRAINING_WIDGET = "Train network"
ACQUIRE_WIDGET = "Acquire"
SURFACE_WIDGET = "Measure surface"


def open_fusion(viewer: "Viewer") -> Any:
    """Open the fusion widget, or raise the open one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.

    Returns
    -------
    FusionWidget
    """
    return _open_widget(viewer, WIDGET)


def open_training(viewer: "Viewer") -> Any:
    """Open the training widget, or raise the open one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.

    Returns
    -------
    TrainingWidget
    """
    return _open_widget(viewer, TRAINING_WIDGET)


def open_training_on(viewer: "Viewer", folder: str) -> Any:
    """Open the training widget with the z-stacks in a folder, each a file of its own.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    folder : str
        Folder of the files.

    Returns
    -------
    TrainingWidget
    """
    from natsort import natsorted

    widget = open_training(viewer)
    for path in natsorted(Path(folder).glob("*.ome.tif"), key=str):
        widget.data.add_paths([path], "stack")
    return widget


def open_acquire(viewer: "Viewer") -> Any:
    """Open the widget at the microscope, or raise the open one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.

    Returns
    -------
    AcquireWidget
    """
    return _open_widget(viewer, ACQUIRE_WIDGET)


def open_surface(viewer: "Viewer") -> Any:
    """Open the surface widget, or raise the open one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.

    Returns
    -------
    SurfaceWidget
    """
    return _open_widget(viewer, SURFACE_WIDGET)


def _open_widget(viewer: "Viewer", name: str) -> Any:
    """Raise the panel, whoever opened it; otherwise open it as the Plugins menu does."""
    from npe2 import PluginManager
    from qtpy.QtWidgets import QDockWidget

    manifest = PluginManager.instance().get_manifest(PLUGIN)
    (offered,) = (one for one in manifest.contributions.widgets or () if one.display_name == name)
    kind: Any = offered.get_callable()
    window = _window(viewer)
    docks = window._qt_window.findChildren(QDockWidget)
    # by kind: napari gives the dock another name in its menu than in `add_plugin_dock_widget`
    found = [dock for dock in docks if type(dock.widget()) is kind and not dock.widget().is_closed]
    if not found:
        # under the name that the menu looks for, which then hides and shows this dock
        title = f"{name} ({manifest.display_name})"
        found = [window.add_dock_widget(kind(viewer), name=title)]
    dock = found[0]
    dock.show()
    dock.raise_()
    return dock.widget()


def _window(viewer: "Viewer") -> Any:
    """Return the window itself: napari hands commands a viewer that hides what is private."""
    return getattr(viewer, "__wrapped__", viewer).window


def fuse_now(viewer: "Viewer") -> Any:
    """Open the fusion widget and fuse the active layer with its current options."""
    widget = open_fusion(viewer)
    widget.fuse()
    return widget


def open_planes(viewer: "Viewer") -> list[Any]:
    """Open a dialog for plane images, and open them as one z-stack in the order of their names."""
    from qtpy.QtWidgets import QFileDialog

    from napari_umis_fusion.files.read import SUFFIXES

    patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
    paths, _ = QFileDialog.getOpenFileNames(
        _window(viewer)._qt_window, "Plane images of one z-stack", "", f"Images ({patterns})"
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
        _window(viewer)._qt_window, "Folder of plane images, or of stacks"
    )
    return _show(viewer, survey_files(folder)) if folder else None


def _show(viewer: "Viewer", survey: Any) -> Any:
    from napari_umis_fusion.plugin.opening import FolderDialog

    dialog = FolderDialog(viewer, survey)
    dialog.show()
    return dialog
