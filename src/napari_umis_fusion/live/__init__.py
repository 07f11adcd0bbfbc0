"""At the microscope: simulated devices, autofocus by software, and fusion while shooting.

All of it stands on pymmcore-plus, which the extra ``live`` installs.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
