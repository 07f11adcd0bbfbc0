"""The retouch widget: choose the plane by hand where the decision is wrong."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
