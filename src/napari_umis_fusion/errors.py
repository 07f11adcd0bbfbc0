"""Exceptions of this package.

None of them derives from `RuntimeError`: a `RuntimeError` raised inside a generator that napari's
thread worker runs is swallowed, so that neither ``errored`` nor ``finished`` is emitted.
Each message says what was got, what is accepted and what to do.
"""


class UmisFusionError(Exception):
    """Base class of the errors that this package raises."""


class StackError(UmisFusionError, ValueError):
    """The stack cannot be fused: wrong axes, size, dtype or values."""


class ConfigError(UmisFusionError, ValueError):
    """An option has a value that is not accepted."""


class StackFileError(UmisFusionError, OSError):
    """A file cannot be read as a stack or a part of one, or cannot be written."""


class CheckpointError(UmisFusionError, ValueError):
    """A checkpoint cannot be loaded: unsafe, truncated or of another architecture."""


class AlignmentError(UmisFusionError, ValueError):
    """Planes cannot be aligned: the transforms are unsound, or planes have too little overlap."""


class DeviceError(UmisFusionError):
    """The requested device is not available or ran out of memory."""


class BusyError(UmisFusionError):
    """Another process, or another window of this process, is using the same files."""


class LiveError(UmisFusionError):
    """The microscope cannot do what was asked: nothing to do it with, or a device failed."""


class AutofocusError(LiveError):
    """No focus was found, or the search was ended; the stage is where it was before.

    Attributes
    ----------
    heights_um, values : tuple of float
        What was measured until then, in the order of the frames.
    """

    def __init__(
        self,
        message: str,
        heights_um: tuple[float, ...] = (),
        values: tuple[float, ...] = (),
    ) -> None:
        super().__init__(message)
        self.heights_um = heights_um
        self.values = values
