"""The training loop: steps, validations and checkpoints as a generator of events."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
