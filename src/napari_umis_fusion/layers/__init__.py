"""Layers as data, without napari: their axes and stacks, their fusion, and the results."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
