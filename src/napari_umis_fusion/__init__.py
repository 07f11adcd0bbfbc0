"""All-in-focus images and depth maps from microscope z-stacks.

The public names are listed in the stub beside this file and are loaded on first use, so that
importing the package costs next to nothing.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
