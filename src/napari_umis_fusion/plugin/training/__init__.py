"""The training widget: data, options, curves, a monitored region, and the result."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
