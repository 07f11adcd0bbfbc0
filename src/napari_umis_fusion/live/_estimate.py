"""What a run will take: planes, time and room, before it starts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_umis_fusion.live._field import iter_count_planes
from napari_umis_fusion.runtime import run_to_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from useq import MDASequence

FRAME_MS = 20.0
"""Time of a frame besides its exposure, where nobody has measured it: a stage's step."""


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """What a run will take.

    Attributes
    ----------
    planes : int
        Of each stack; the most, where they differ.
    stacks, frames : int
        Number of stacks, and of frames in all.
    seconds : float
        Time, at least.
    size_mb : float
        Room on disk without compression, in MB; 0 if the size of a frame is not known.
    """

    planes: int
    stacks: int
    frames: int
    seconds: float
    size_mb: float

    def __str__(self) -> str:
        """Say it in a line."""
        size = f", {self.size_mb:,.0f} MB" if self.size_mb else ""
        stacks = f"{self.stacks} stacks of " if self.stacks > 1 else ""
        return (
            f"{stacks}{self.planes} planes, {self.frames} frames, about {_time(self.seconds)}{size}"
        )


def estimate_run(
    sequences: "Sequence[MDASequence]",
    *,
    exposure_ms: float = 10.0,
    settle_ms: float = 0.0,
    frame_ms: float = FRAME_MS,
    frame_bytes: int = 0,
) -> RunEstimate:
    """Estimate what runs will take.

    Parameters
    ----------
    sequences : sequence of useq.MDASequence
        The runs, one after the other.
    exposure_ms : float
        Exposure time of the camera where a channel names none, in ms.
    settle_ms : float
        Time that is waited after each step of the stage, in ms.
    frame_ms : float
        Time of a frame besides these, in ms.
    frame_bytes : int
        Size of a frame.

    Returns
    -------
    RunEstimate
    """
    stacks: list[int] = []
    seconds, frames = 0.0, 0
    for sequence in sequences:
        stacks += run_to_end(iter_count_planes(sequence)).values()
        taking_s = last_s = 0.0
        for event in sequence:
            exposed_ms = event.exposure or exposure_ms
            taking_s += (exposed_ms + settle_ms + frame_ms) / 1000
            last_s = max(last_s, event.min_start_time or 0.0)
            frames += 1
        # Time points wait for each other; the last of them still has to be taken.
        times = max(sequence.sizes.get("t", 1), 1)
        seconds += max(taking_s, last_s + taking_s / times)
    size_mb = frames * frame_bytes / 2**20
    return RunEstimate(max(stacks, default=0), len(stacks), frames, seconds, size_mb)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
