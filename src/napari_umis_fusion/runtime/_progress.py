"""Progress of long work, as a frozen event that generators yield."""

from dataclasses import dataclass
from typing import Literal

Stage = Literal["aligning", "measuring", "verifying"]


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
