from ._widget import CompareWidget as CompareWidget
