"""What can go wrong, as exceptions that a caller can tell apart.

None of them derives from `RuntimeError`: Qt thread workers swallow that one.
Every message says what was got, what is accepted and what to do.
"""


class UmisFusionError(Exception):
    """Base of every error that this package raises on purpose."""


class StackError(UmisFusionError, ValueError):
    """The stack cannot be fused: wrong axes, size, dtype or values."""


class ConfigError(UmisFusionError, ValueError):
    """An option has a value outside what it accepts."""


class StackFileError(UmisFusionError, OSError):
    """A file cannot be read as (part of) a stack, or written."""


class CheckpointError(UmisFusionError, ValueError):
    """A checkpoint cannot be loaded: unsafe, truncated or of another architecture."""


class AlignmentError(UmisFusionError, ValueError):
    """Planes cannot be put on one another as asked: unsound transforms, or nothing in common."""


class DeviceError(UmisFusionError):
    """The wanted device is absent or ran out of memory."""


class BusyError(UmisFusionError):
    """Another process, or another window of this one, works on the same files."""
