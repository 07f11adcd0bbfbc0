"""The dock that fuses: which stack, which part of it, how, and the layers that come of it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
