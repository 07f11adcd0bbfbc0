"""Trained networks of the user: a library of them, and their export.

The public names are listed in the stub beside this file and are loaded on first use, so that
looking into the library does not load torch.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
