"""Stacks from files, and images to files."""

from napari_umis_fusion.files.describing import describe_file
from napari_umis_fusion.files.formats import check_output_path
from napari_umis_fusion.files.layer_writing import write_folder, write_image_layer, write_series
from napari_umis_fusion.files.layers import read_layers
from napari_umis_fusion.files.opening import open_stack
from napari_umis_fusion.files.recognising import holds_stack
from napari_umis_fusion.files.writing import write_image

__all__ = [
    "check_output_path",
    "describe_file",
    "holds_stack",
    "open_stack",
    "read_layers",
    "write_folder",
    "write_image",
    "write_image_layer",
    "write_series",
]
