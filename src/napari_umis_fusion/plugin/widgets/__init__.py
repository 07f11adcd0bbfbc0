"""Widgets independent of fusion and training: forms, run controls, jobs, charts.

A widget with a value has ``value()``, ``setValue()`` and the signal ``valueChanged``.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
