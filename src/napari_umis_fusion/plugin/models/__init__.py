"""The library of models as widgets: its panel, the choice of weights, and its signal of changes.

Each is imported on first use: a fusion needs no panel.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
