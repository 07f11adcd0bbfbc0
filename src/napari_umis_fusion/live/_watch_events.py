"""Events of a watched folder."""

from dataclasses import dataclass
from pathlib import Path

from napari_umis_fusion.live._watch_rule import PendingStack


@dataclass(frozen=True, slots=True)
class WatchWaiting:
    """Nothing to fuse; yielded at least every 100 ms.

    Attributes
    ----------
    pending : tuple of PendingStack
        Stacks that are not complete.
    """

    pending: tuple[PendingStack, ...]


@dataclass(frozen=True, slots=True)
class StackProgress:
    """A stack is being fused.

    Attributes
    ----------
    name : str
        Name of the stack.
    done, total : int
        Planes of the current stage.
    """

    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class StackFused:
    """A stack is fused and written.

    Attributes
    ----------
    name : str
        Name of the stack.
    planes : int
        Its planes.
    outputs : dict of str to Path
        What was written.
    notes : tuple of str
        Notes for the user.
    """

    name: str
    planes: int
    outputs: dict[str, Path]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StackFailed:
    """A stack cannot be fused; it is tried again once one of its files changes.

    Attributes
    ----------
    name : str
        Name of the stack.
    message : str
        Why, for the user.
    """

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """What a watch has done.

    Attributes
    ----------
    fused, failed : tuple of str
        Names of stacks.
    pending : tuple of PendingStack
        Stacks that were not complete at its end.
    """

    fused: tuple[str, ...]
    failed: tuple[str, ...]
    pending: tuple[PendingStack, ...]


WatchEvent = WatchWaiting | StackProgress | StackFused | StackFailed
