"""Import numpy's types without the text of their documentation."""

import sys
from types import ModuleType

TEXT = "numpy._typing._add_docstring"
"""What numpy.typing adds to its own documentation; to make it takes longer than the rest."""


def start_light_numpy() -> None:
    """Import `numpy.typing` without making its documentation; for a process of its own.

    With versions of numpy that are made otherwise, it is imported as ever.
    """
    if TEXT in sys.modules:
        return
    nothing = ModuleType(TEXT)
    nothing._docstrings = ""  # type: ignore[attr-defined]
    sys.modules[TEXT] = nothing
    try:
        import numpy.typing  # noqa: F401 - for all modules that import it later
    finally:
        del sys.modules[TEXT]
