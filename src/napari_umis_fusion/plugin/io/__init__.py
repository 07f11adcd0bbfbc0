"""What the manifest names for files: the reader, the writers and the sample data.

Each is loaded on first use: opening an image must not load what renders the samples.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
