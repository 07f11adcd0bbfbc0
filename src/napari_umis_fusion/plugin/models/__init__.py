"""The library of models in the window: its panel, the choice of weights, news of changes.

Each is loaded on first use: a fusion needs no panel.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
