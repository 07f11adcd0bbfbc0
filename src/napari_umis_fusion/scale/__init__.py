"""OME-Zarr in and out: images and plates of any size, on one machine or a cluster.

All of it stands on yaozarrs, zarr and dask, which the extra ``scale`` installs.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
