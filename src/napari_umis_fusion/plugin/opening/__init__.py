"""Open files and folders, and ask before: what they hold, whether single images are planes."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
