"""Values that are copied as recorded: from which planes, and without edges that none shows."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
