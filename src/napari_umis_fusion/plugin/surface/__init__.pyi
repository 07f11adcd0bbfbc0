from ._widget import SurfaceWidget as SurfaceWidget
