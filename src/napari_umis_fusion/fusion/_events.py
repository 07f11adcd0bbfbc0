"""What a running fusion tells: frozen events, yielded by `iter_fuse`."""

from dataclasses import dataclass

from napari_umis_fusion.fusion._result import FusionResult
from napari_umis_fusion.runtime import Progress


@dataclass(frozen=True, slots=True)
class Started:
    """The stack was accepted.

    Attributes
    ----------
    shape : tuple of int
        Of the stack.
    """

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event.

    Attributes
    ----------
    result : FusionResult
        What `fuse` returns.
    """

    result: FusionResult


FusionEvent = Started | Progress | Finished
