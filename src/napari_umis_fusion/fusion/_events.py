"""Events of a running fusion, yielded by `iter_fuse`."""

from dataclasses import dataclass

from napari_umis_fusion.fusion.blocks import MemoryPlan
from napari_umis_fusion.fusion.result import FusionResult
from napari_umis_fusion.runtime import Progress


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: the stack was accepted.

    Attributes
    ----------
    shape : tuple of int
        Shape of the stack.
    """

    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: the fusion is complete.

    Attributes
    ----------
    result : FusionResult
        The result that `fuse` returns.
    """

    result: FusionResult


FusionEvent = Started | MemoryPlan | Progress | Finished
