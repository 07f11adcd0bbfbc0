"""The slab widget: some planes of a fused stack, and sub-stacks that follow the focus over time."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
