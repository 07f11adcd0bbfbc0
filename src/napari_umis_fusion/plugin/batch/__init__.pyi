from ._widget import BatchWidget as BatchWidget
