from ._widget import FusionWidget as FusionWidget
