"""The state of the viewer: the current stack, drawn regions, sliders, placement of layers."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
