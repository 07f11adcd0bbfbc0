"""Commands that undo and redo the last fusion, with the panel open or not."""

from typing import TYPE_CHECKING

from napari.utils.notifications import show_info

from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers

if TYPE_CHECKING:
    from napari.viewer import Viewer


def undo_fusion(viewer: "Viewer") -> str:
    """Undo the last fusion in a viewer; return what happened, as a sentence."""
    happened = _fused_in(viewer).undo()
    show_info(happened)
    return happened


def redo_fusion(viewer: "Viewer") -> str:
    """Redo the fusion that was undone; return what happened, as a sentence."""
    happened = _fused_in(viewer).redo()
    show_info(happened)
    return happened


def _fused_in(viewer: "Viewer") -> FusedLayers:
    # napari hands commands a proxy, which is another object each time
    return FusedLayers.of(getattr(viewer, "__wrapped__", viewer))
