"""Planes as a fusion takes them: those that are sound, in grey, without what the camera adds.

`_passes` decides how often they are read.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
