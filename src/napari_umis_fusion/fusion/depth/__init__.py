"""How deep each pixel lies: the surface, the focus peak between planes, and how sure both are."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
