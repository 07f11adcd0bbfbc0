"""Presets of a fusion by specimen: those of this package, and your own, which are files."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
