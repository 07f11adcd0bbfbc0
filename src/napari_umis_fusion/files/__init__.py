"""Stacks from files, and images to files."""

from napari_umis_fusion.files.describing import describe_file
from napari_umis_fusion.files.formats import check_output_path
from napari_umis_fusion.files.opening import open_stack
from napari_umis_fusion.files.writing import write_image

__all__ = ["check_output_path", "describe_file", "open_stack", "write_image"]
