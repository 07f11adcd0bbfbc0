"""The training widget: data, options, curves, a monitored region, and the result."""

from napari_umis_fusion.plugin.training._widget import TrainingWidget

__all__ = ["TrainingWidget"]
