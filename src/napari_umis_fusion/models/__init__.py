"""Trained networks: the library of the user, and their export.

The public names are listed in the stub beside this file and are imported on first use, so that
reading the library does not import torch.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
