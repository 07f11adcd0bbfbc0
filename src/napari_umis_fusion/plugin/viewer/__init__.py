"""What the viewer shows: the stack that is meant, regions that are drawn, sliders, layers."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
