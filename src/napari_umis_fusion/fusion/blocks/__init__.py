"""The memory of a fusion, and planes that are too large for it: fused block by block."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
