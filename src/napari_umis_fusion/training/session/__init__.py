"""Training sessions, which survive the program: folder, lock, curve and state."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
