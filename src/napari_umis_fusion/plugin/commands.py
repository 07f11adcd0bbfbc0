"""The commands of menus and command palette."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.errors import UmisFusionError

if TYPE_CHECKING:
    from napari.viewer import Viewer

PLUGIN = "napari-umis-fusion"
WIDGET = "Fuse z-stack"
TRAINING_WIDGET = "Train network"
ACQUIRE_WIDGET = "Acquire"
SURFACE_WIDGET = "Measure surface"
RETOUCH_WIDGET = "Retouch"
SLAB_WIDGET = "Slab"
BATCH_WIDGET = "Batch"
COMPARE_WIDGET = "Compare"


def open_fusion(viewer: "Viewer") -> Any:
    """Open the `FusionWidget`, or raise the open one; returns it."""
    return _open_widget(viewer, WIDGET)


def fuse_now(viewer: "Viewer") -> Any:
    """Open the fusion widget and fuse the active layer with its current options."""
    widget = open_fusion(viewer)
    widget.fuse()
    return widget


def open_training(viewer: "Viewer") -> Any:
    """Open the `TrainingWidget`, or raise the open one; returns it."""
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
    """Open the `AcquireWidget`, or raise the open one; returns it."""
    return _open_widget(viewer, ACQUIRE_WIDGET)


def open_surface(viewer: "Viewer") -> Any:
    """Open the `SurfaceWidget`, or raise the open one; returns it."""
    return _open_widget(viewer, SURFACE_WIDGET)


def project_to_image(viewer: "Viewer") -> Any:
    """Project the active stack, labels or points along the depth map, as a new layer."""
    widget = open_surface(viewer)
    widget.around.choose(viewer.layers.selection.active)
    widget.around.flatten()
    return widget


def lift_onto_surface(viewer: "Viewer") -> Any:
    """Give the active points or labels their place on the surface, as a new layer."""
    widget = open_surface(viewer)
    widget.around.choose(viewer.layers.selection.active)
    widget.around.lift()
    return widget


def open_batch(viewer: "Viewer") -> Any:
    """Open the `BatchWidget`, or raise the open one; returns it."""
    return _open_widget(viewer, BATCH_WIDGET)


def open_compare(viewer: "Viewer") -> Any:
    """Open the `CompareWidget`, or raise the open one; returns it."""
    return _open_widget(viewer, COMPARE_WIDGET)


def wipe(viewer: "Viewer") -> Any:
    """Wipe between the two selected images, or end that; returns the compare widget."""
    # before the widget opens, which may change the selection
    chosen = [layer for layer in viewer.layers if layer in viewer.layers.selection]
    widget = open_compare(viewer)
    widget.wipe.toggle_with(chosen)
    return widget


def open_retouch(viewer: "Viewer") -> Any:
    """Open the `RetouchWidget`, or raise the open one; returns it."""
    return _open_widget(viewer, RETOUCH_WIDGET)


def open_slab(viewer: "Viewer") -> Any:
    """Open the `SlabWidget`, or raise the open one; returns it."""
    return _open_widget(viewer, SLAB_WIDGET)


def fusion_options(viewer: "Viewer") -> Any:
    """Return the options of the fusion widget, or None where it is not open.

    Returns
    -------
    FusionConfig or None

    Raises
    ------
    ConfigError
        If its rows contradict each other.
    """
    docks = _open_docks(viewer, _kind_of(WIDGET))
    return docks[0].widget().value() if docks else None


def fusion_described(viewer: "Viewer") -> Any:
    """Return the stack of the fusion widget, how it would be fused, and which part of it.

    Returns
    -------
    (TargetStack, FusionConfig, LayerPlan) or None
        None where the widget is not open, has no stack, or its rows contradict each other.
    """
    docks = _open_docks(viewer, _kind_of(WIDGET))
    try:
        return docks[0].widget().described() if docks else None
    except UmisFusionError:
        return None


def _open_widget(viewer: "Viewer", name: str) -> Any:
    """Raise the panel, whoever opened it; otherwise open it as the Plugins menu does."""
    from npe2 import PluginManager

    kind = _kind_of(name)
    found = _open_docks(viewer, kind)
    if not found:
        # under the name that the menu looks for, which then hides and shows this dock
        title = f"{name} ({PluginManager.instance().get_manifest(PLUGIN).display_name})"
        found = [_window(viewer).add_dock_widget(kind(viewer), name=title)]
    dock = found[0]
    dock.show()
    dock.raise_()
    return dock.widget()


def _kind_of(name: str) -> Any:
    """Return the class of the widget with a name."""
    from npe2 import PluginManager

    widgets = PluginManager.instance().get_manifest(PLUGIN).contributions.widgets
    (offered,) = (one for one in widgets or () if one.display_name == name)
    return offered.get_callable()


def _open_docks(viewer: "Viewer", kind: Any) -> list[Any]:
    """Return the docks that hold a widget of a kind."""
    from qtpy.QtWidgets import QDockWidget

    docks = _window(viewer)._qt_window.findChildren(QDockWidget)
    # by kind: napari gives the dock another name in its menu than in `add_plugin_dock_widget`
    return [dock for dock in docks if type(dock.widget()) is kind and not dock.widget().is_closed]


def _window(viewer: "Viewer") -> Any:
    """Return the window itself: napari hands commands a viewer that hides what is private."""
    return getattr(viewer, "__wrapped__", viewer).window
