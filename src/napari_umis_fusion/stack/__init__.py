"""The z-stack: planes that are read one at a time, with their axes and units."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
