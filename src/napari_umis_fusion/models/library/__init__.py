"""A folder of trained weights, each with a name, a note and all that is known of it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
