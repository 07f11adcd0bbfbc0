"""Islands of the index map with inverted contrast: found, looked at, mended or marked."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
