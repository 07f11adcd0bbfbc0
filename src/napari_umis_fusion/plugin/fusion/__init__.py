"""The dock that fuses: which stack, which part of it, how, and the layers that come of it."""

from napari_umis_fusion.plugin.fusion._widget import FusionWidget

__all__ = ["FusionWidget"]
