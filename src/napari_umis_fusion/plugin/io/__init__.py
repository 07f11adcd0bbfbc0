"""The reader, the writers and the sample data of the manifest.

Each is imported on first use: opening an image must not import the rendering of the samples.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
