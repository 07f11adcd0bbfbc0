from ._widget import AcquireWidget as AcquireWidget
