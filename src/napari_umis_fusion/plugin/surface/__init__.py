"""The surface widget: measure the surface that a depth map shows, and export it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
