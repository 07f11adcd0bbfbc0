"""The state of the viewer: the current stack, drawn regions, sliders, placement of layers."""

from napari_umis_fusion.plugin.viewer._placing import BETWEEN_LAYERS_MS, PLACES
from napari_umis_fusion.plugin.viewer._region import WHOLE_PLANE, region_bounds
from napari_umis_fusion.plugin.viewer._sliders import entries_shown, go_to_plane
from napari_umis_fusion.plugin.viewer._target import TargetStack, target_in

__all__ = [
    "BETWEEN_LAYERS_MS",
    "PLACES",
    "WHOLE_PLANE",
    "TargetStack",
    "entries_shown",
    "go_to_plane",
    "region_bounds",
    "target_in",
]
