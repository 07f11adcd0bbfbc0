"""What the file of a state holds, checked where it is read."""

from typing import Annotated, Any, NotRequired

from pydantic import Field, with_config
from torch import Tensor
from typing_extensions import TypedDict

from napari_umis_fusion.runtime import STRICT

Count = Annotated[int, Field(ge=0, le=2**40)]
Scores = dict[str, float]
Weights = dict[str, Tensor]


@with_config(STRICT)
class BestEntry(TypedDict):
    """The best weights of a state."""

    weights: Weights
    step: Count
    score: float
    metrics: Scores


@with_config(STRICT)
class StateEntry(TypedDict):
    """Content of training.state."""

    format: int
    config: str
    data: str
    step: Count
    total: NotRequired[Count | None]
    weights: Weights
    optimizer: dict[str, Any]
    best: BestEntry | None
    without_gain: Count
    start_metrics: NotRequired[Scores | None]
    validated: NotRequired[Count | None]
    curve: NotRequired[dict[str, list[Tensor]] | None]
