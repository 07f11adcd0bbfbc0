"""What is known of one stack of a batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Status = Literal["waiting", "done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """What is known of one stack of a batch.

    Attributes
    ----------
    name : str
        Folder and name of its results.
    status : {"waiting", "done", "skipped", "failed"}
        Skipped: fused by an earlier run of the same batch.
    shape : tuple of int
        Of the stack, (Z, Y, X) or (Z, Y, X, C); empty while unknown.
    seconds : float
        How long it took.
    never_in_focus : float or None
        Share of the pixels that no plane shows in focus, 0 to 1.
    outputs : mapping of str to Path
        What was written.
    notes : tuple of str
        Notes for the user.
    reason : str
        Why it failed.
    thumbnail : str
        The result, reduced, as PNG in base64; empty if there is none.
    """

    name: str
    status: Status = "waiting"
    shape: tuple[int, ...] = ()
    seconds: float = 0.0
    never_in_focus: float | None = None
    outputs: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reason: str = ""
    thumbnail: str = ""

    @property
    def size(self) -> str:
        """Planes, height and width as text, such as "12 × 480 × 640"; empty while unknown."""
        return " × ".join(str(side) for side in self.shape[:3]) if self.shape else ""


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What a batch has done.

    Attributes
    ----------
    entries : tuple of BatchEntry
        One for each stack.
    table : Path
        The table of all stacks, as CSV.
    """

    entries: tuple[BatchEntry, ...]
    table: Path

    def count(self, status: Status) -> int:
        """Return the number of stacks with a status."""
        return sum(entry.status == status for entry in self.entries)
