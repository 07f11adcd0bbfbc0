"""What stands still on the sensor in all planes, and so must not decide which plane is in focus.

Columns, rows and pixels with an offset or a gain of their own, scratches, reticles, dust. Found in
a few planes, in tiles, by what they share; a stack without it is not changed to the bit.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
