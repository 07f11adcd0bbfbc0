"""What the lamp and the sensor add to a stack: flicker, fading, hot and dead pixels, dust.

All of it is gathered in one pass over the planes, in memory that grows with them by a small table
only. It is for the focus measure; recorded values stay as they are unless asked for.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
