"""A training that outlives the program: its folder, its lock, its curve and its state."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
