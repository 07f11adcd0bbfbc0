"""What the names of image files tell: which axes they count along, and in which order."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
