"""Whether kernels are being compiled, for which the first fusion on a computer waits."""

import time

COMPILING = "compiling for this computer, once"
"""What is said of work that waits for it."""

PAUSE_S = 1.0
"""Between two kernels, a fusion goes on for less."""

_begun = 0
_ended_s = -PAUSE_S


def is_compiling() -> bool:
    """Return whether a kernel is compiled now, or was until a moment ago."""
    return _begun > 0 or time.monotonic() - _ended_s < PAUSE_S


def note_compiling(change: int) -> None:
    """Note that something begins (1) or ends (-1) to be compiled, perhaps for something else."""
    global _begun, _ended_s
    _begun += change
    _ended_s = time.monotonic()
