"""Widgets that know nothing of fusing or training: forms, run controls, jobs, charts.

What holds a value has ``value()``, ``setValue()`` and the signal ``valueChanged``.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
