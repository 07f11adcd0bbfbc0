"""Objectives of training: select sharp planes, or rebuild single images."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
