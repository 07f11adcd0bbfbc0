"""The widget that fuses all stacks in folders, and lists what becomes of each."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
