from ._widget import RetouchWidget as RetouchWidget
