"""Progress of long work, as an event that generators yield."""

from dataclasses import dataclass
from typing import Literal

Stage = Literal["aligning", "measuring", "verifying", "projecting"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Work is in progress; yielded at least every 100 ms, even if no plane was finished.

    Attributes
    ----------
    stage : "aligning", "measuring", "verifying" or "projecting"
        The current stage.
    done, total : int
        Number of planes finished, and of all planes.
    """

    stage: Stage
    done: int
    total: int
