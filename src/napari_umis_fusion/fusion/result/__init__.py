"""The result of a fusion, how it was made, and what is asked of it later.

That is planes chosen by hand, what stands where nothing is in focus, and files.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
