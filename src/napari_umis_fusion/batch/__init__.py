"""Many stacks: found in folders, fused one after the other into a tree of results, resumable."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
