"""Preprocessing of planes before focus is measured: grey levels, median, illumination."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
