"""The dock that trains: data, options, curves, a watched region, and the result."""

from napari_umis_fusion.plugin.training._widget import TrainingWidget

__all__ = ["TrainingWidget"]
