"""Events of a running comparison, yielded by `iter_compare`."""

from dataclasses import dataclass
from typing import Literal

from napari_umis_fusion.compare._candidate import Candidate
from napari_umis_fusion.compare._comparison import Comparison
from napari_umis_fusion.fusion import FusionResult
from napari_umis_fusion.runtime import Stage

ComparisonStage = Stage | Literal["loading", "scoring"]


@dataclass(frozen=True, slots=True)
class ComparisonStarted:
    """The first event: stack and configs were accepted.

    Attributes
    ----------
    candidates : tuple of Candidate
        What is compared, in its order.
    shape : tuple of int
        Shape of the part of the stack that is fused.
    """

    candidates: tuple[Candidate, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CandidateProgress:
    """Work is in progress; yielded at least every 100 ms.

    Attributes
    ----------
    number : int
        Which candidate, from 0.
    stage : {"loading", "aligning", "measuring", "verifying", "scoring"}
        The current stage.
    done, total : int
        Planes of this stage that are done, and in total.
    share : float
        Share of all candidates that is done, 0 to 1.
    """

    number: int
    stage: ComparisonStage
    done: int
    total: int
    share: float


@dataclass(frozen=True, slots=True)
class CandidateEnded:
    """A candidate is fused and scored, or has failed.

    Attributes
    ----------
    number : int
        Which candidate, from 0.
    result : FusionResult or None
        Its result; None if it failed.
    comparison : Comparison
        What is known so far, this row included: what remains of a comparison that is abandoned.
    """

    number: int
    result: FusionResult | None
    comparison: Comparison


ComparisonEvent = ComparisonStarted | CandidateProgress | CandidateEnded
