"""Which pixels a plane takes over from the composite before it: borders that are invisible.

Composites of planes wait to be merged, in an order that is the same from either end.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
