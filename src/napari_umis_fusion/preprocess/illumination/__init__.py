"""Correction of flicker, bleaching, hot and dead pixels, and dust.

All of these are measured in one pass over the planes; per plane, only a small table is kept. The
correction is for the focus measure; recorded values change only on request.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
