"""The commands of menus and command palette."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.viewer import Viewer

PLUGIN = "napari-umis-fusion"
WIDGET = "Fuse z-stack"
TRAINING_WIDGET = "Train network"


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


def _open_widget(viewer: "Viewer", name: str) -> Any:
    dock, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    dock.show()
    dock.raise_()
    return widget


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
        viewer.window._qt_window, "Plane images of one z-stack", "", f"Images ({patterns})"
    )
    if not paths:
        return []
    return open_stack_files(viewer, paths)


def open_stack_files(viewer: "Viewer", paths: list[str]) -> list[Any]:
    """Open plane images as one z-stack; the layers record their files."""
    from napari.layers import Layer

    from napari_umis_fusion.files.read import read_layers

    layers = [Layer.create(*made) for made in read_layers(paths, keeps_order=False)]
    for layer in layers:
        viewer.add_layer(layer)
    return layers
