"""Reading of stacks and layers from TIFF, OME-TIFF, ImageJ files and folders of images."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
