"""Rendered z-stacks with known truth, for tests, benchmarks, training and the demo."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
