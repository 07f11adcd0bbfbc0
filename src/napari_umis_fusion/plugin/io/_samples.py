"""The sample stacks of the manifest."""

from napari_umis_fusion.synthetic import colour_macro, noisy_fluorescence, textured_surface

__all__ = ["colour_macro", "noisy_fluorescence", "textured_surface"]
