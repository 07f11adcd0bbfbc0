"""The plane that is chosen for each pixel, and its consistency verification by filters."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
