"""Sample data for File > Open Sample."""

from napari_umis_fusion.synthetic.samples import (
    LayerData,
    colour_macro,
    noisy_fluorescence,
    textured_surface,
)

__all__ = ["LayerData", "colour_macro", "noisy_fluorescence", "textured_surface"]
