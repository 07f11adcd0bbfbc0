from ._widget import SlabWidget as SlabWidget
