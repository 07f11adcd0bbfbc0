"""What napari loads: reader, writers, sample data, menu commands and the fusion widget."""
