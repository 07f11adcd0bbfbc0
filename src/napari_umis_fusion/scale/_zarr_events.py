"""Events of a run over OME-Zarr, and its summary."""

from dataclasses import dataclass
from pathlib import Path

from napari_umis_fusion.runtime import count_noun


@dataclass(frozen=True, slots=True)
class ZarrStarted:
    """The first event: what there is to do.

    Attributes
    ----------
    output : Path
        Where results are written.
    stacks : int
        Stacks: time points of all fields.
    blocks : int
        Blocks of all of them.
    done : int
        Blocks that an earlier run has fused.
    block_mb : float
        Memory that a block takes at most, in addition to what the program uses already, in MB.
    output_mb : float
        Size of the results without compression, in MB.
    gigapixels : float
        Pixels of all planes that are left to read, in 10^9.
    """

    output: Path
    stacks: int
    blocks: int
    done: int
    block_mb: float
    output_mb: float
    gigapixels: float

    def __str__(self) -> str:
        """Say it in a line."""
        done = f", {self.done} of them done" if self.done else ""
        parts = f"{count_noun(self.stacks, 'stack')} in {count_noun(self.blocks, 'block')}{done}"
        return (
            f"{parts}; about {self.block_mb:,.0f} MB of memory for a block; "
            f"{self.output_mb:,.0f} MB of results before compression"
        )


@dataclass(frozen=True, slots=True)
class ZarrProgress:
    """Blocks are being fused; yielded at least every 100 ms.

    Attributes
    ----------
    name : str
        The stack that is worked on, or what is waited for.
    done, total : int
        Blocks.
    planes_done, planes_total : int
        Planes of the block that is worked on in this process; 0 of 0 elsewhere.
    """

    name: str
    done: int
    total: int
    planes_done: int = 0
    planes_total: int = 0


@dataclass(frozen=True, slots=True)
class FieldFused:
    """A stack is fused and written.

    Attributes
    ----------
    name : str
        Its name.
    seconds : float
        What its blocks took, one after the other.
    never_in_focus : float
        Share of its pixels that no plane shows in focus, 0 to 1.
    median_confidence : float
        Of its pixels.
    notes : tuple of str
        Notes for the user.
    """

    name: str
    seconds: float
    never_in_focus: float
    median_confidence: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldFailed:
    """A stack could not be fused; the run goes on with the others.

    Attributes
    ----------
    name : str
        Its name.
    message : str
        Why.
    """

    name: str
    message: str


ZarrEvent = ZarrStarted | ZarrProgress | FieldFused | FieldFailed


@dataclass(frozen=True, slots=True)
class ZarrSummary:
    """What became of the stacks of a run.

    Attributes
    ----------
    output : Path
        Where results are.
    fused, failed, pending : tuple of str
        Names of stacks: done, failed, and left to other processes.
    """

    output: Path
    fused: tuple[str, ...]
    failed: tuple[str, ...]
    pending: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in a line."""
        pending = f", {len(self.pending)} left to others" if self.pending else ""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{count_noun(len(self.fused), 'stack')} fused{failed}{pending}: {self.output}"
