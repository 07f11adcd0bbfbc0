"""The writers of the manifest."""

from napari_umis_fusion.files.write import write_folder, write_image_layer, write_series

__all__ = ["write_folder", "write_image_layer", "write_series"]
