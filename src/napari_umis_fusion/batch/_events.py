"""Events of a running batch."""

from dataclasses import dataclass

from napari_umis_fusion.batch._entry import BatchEntry
from napari_umis_fusion.batch._grouping import Grouping


@dataclass(frozen=True, slots=True)
class Searching:
    """Stacks are being looked for.

    Attributes
    ----------
    files, stacks : int
        Files that belong to stacks, and stacks, so far.
    """

    files: int
    stacks: int


@dataclass(frozen=True, slots=True)
class BatchStarted:
    """All stacks are found, and none is fused yet.

    Attributes
    ----------
    grouping : Grouping
        Stacks, and what belongs to none.
    entries : tuple of BatchEntry
        One for each stack: waiting, or skipped since it is fused already, or failed before.
    """

    grouping: Grouping
    entries: tuple[BatchEntry, ...]


@dataclass(frozen=True, slots=True)
class StackBegun:
    """A stack is opened now.

    Attributes
    ----------
    number : int
        Its place in the batch, from 0.
    """

    number: int


@dataclass(frozen=True, slots=True)
class StackWorking:
    """A stack is being fused; yielded at least every 100 ms.

    Attributes
    ----------
    number : int
        Its place in the batch, from 0.
    stage : str
        The current stage.
    done, total : int
        Planes of the stage.
    """

    number: int
    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class StackEnded:
    """A stack is fused and written, or failed; the record says so from now on.

    Attributes
    ----------
    number : int
        Its place in the batch, from 0.
    entry : BatchEntry
        What is known of it.
    """

    number: int
    entry: BatchEntry


BatchEvent = Searching | BatchStarted | StackBegun | StackWorking | StackEnded
