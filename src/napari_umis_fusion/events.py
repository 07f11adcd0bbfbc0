"""What a running fusion tells: frozen events, yielded by `iter_fuse`."""

from dataclasses import dataclass
from typing import Literal

from napari_umis_fusion.result import FusionResult

Stage = Literal["aligning", "measuring", "verifying"]


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
class Progress:
    """Work goes on; comes at least every 100 ms, also when no plane was finished meanwhile.

    Attributes
    ----------
    stage : "aligning", "measuring" or "verifying"
        What is being done.
    done, total : int
        Planes finished and planes in all.
    """

    stage: Stage
    done: int
    total: int


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
