"""Training without labels: to select sharp planes, or to rebuild images as published."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
