"""Several ways to fuse one stack: run one after the other, measured, and put beside each other."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
