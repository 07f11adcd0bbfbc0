"""Runs with fusion: take the planes, keep them, fuse them, and leave the microscope in order."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.live._keep import KeepConfig, RunFolder
from napari_umis_fusion.live._live_events import LiveEvent, LiveSummary
from napari_umis_fusion.live._live_fusion import LiveFusion
from napari_umis_fusion.live._safe_state import StageState
from napari_umis_fusion.live._sweep_plan import SweepPlan
from napari_umis_fusion.live._taking import Taking
from napari_umis_fusion.runtime import config_of, run_to_end

if TYPE_CHECKING:
    from useq import MDASequence


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins.

    Attributes
    ----------
    number, runs : int
        Number of the run, counted from 0, and of all.
    sequence : useq.MDASequence
        What it does.
    folder : Path or None
        Where it is kept.
    """

    number: int
    runs: int
    sequence: Any
    folder: Path | None


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run is over, its file closed, and its fields are fused.

    Attributes
    ----------
    number : int
        Number of the run.
    folder : Path or None
        Where it is kept.
    files : tuple of Path
        The files of its frames.
    summary : LiveSummary
        What was fused.
    skipped : int
        Planes that were left out, since nothing new came into focus.
    notes : tuple of str
        What else the user should know.
    """

    number: int
    folder: Path | None
    files: tuple[Path, ...]
    summary: LiveSummary
    skipped: int
    notes: tuple[str, ...]


AcquireEvent = RunStarted | RunFinished | LiveEvent


def acquire(
    core: Any,
    plan: "SweepPlan | MDASequence | Sequence[MDASequence]",
    config: FusionConfig | None = None,
    **settings: Any,
) -> tuple[RunFinished, ...]:
    """Take planes and fuse them, run by run.

    Takes the parameters of `iter_acquire`, and raises as it does.

    Returns
    -------
    tuple of RunFinished
        One for each run, in the order in which they were taken.
    """
    return run_to_end(iter_acquire(core, plan, config, **settings))


def iter_acquire(
    core: Any,
    plan: "SweepPlan | MDASequence | Sequence[MDASequence]",
    config: FusionConfig | None = None,
    *,
    base: "MDASequence | None" = None,
    keep: KeepConfig | None = None,
    return_to_start: bool = True,
    refresh_s: float = 0.1,
    frames_mb: float = 1024,
    **options: Any,
) -> Generator[AcquireEvent, None, tuple[RunFinished, ...]]:
    """Take planes and fuse them while they are taken, as a generator of events.

    Pause and resume with ``core.mda.set_paused``; ``core.mda.cancel`` ends a run after the plane
    that is being taken, and what was taken is fused. Closing the generator ends the run, too, and
    discards what is not fused; frames in files stay. However a run ends, the shutter is closed and
    the stage is where it was before.

    Parameters
    ----------
    core : CMMCorePlus or UniMMCore
        The microscope.
    plan : SweepPlan, useq.MDASequence or sequence of these
        What to take.
    config : FusionConfig, optional
        How to fuse.
    base : useq.MDASequence, optional
        With a `SweepPlan`: positions, channels and time points to sweep at.
    keep : KeepConfig, optional
        Where to keep what is taken; by default nowhere but in the results.
    return_to_start : bool
        Whether the stage moves back to where it was.
    refresh_s, frames_mb
        See `LiveFusion`.
    **options
        Fields of `FusionConfig` that replace those of `config`.

    Yields
    ------
    RunStarted, RunFinished, and those of `LiveFusion.events`
        At least every 100 ms.

    Returns
    -------
    tuple of RunFinished

    Raises
    ------
    LiveError
        If a device failed, once what was taken until then is closed and fused; or if the microscope
        is busy.
    StackFileError
        If frames could not be written.
    ConfigError
        If an option is not accepted.
    """
    config = config_of(FusionConfig, config, options)
    if core.mda.is_running():
        raise LiveError(
            "the microscope is taking something else; wait until that is done, or stop it with "
            "core.mda.cancel()."
        )
    before = StageState.of(core)
    sequences = _sequences(plan, before, base)
    done: list[RunFinished] = []
    for number, sequence in enumerate(sequences):
        folder = None if keep is None else RunFolder(keep, sequence, config)
        live = LiveFusion(config, refresh_s=refresh_s, frames_mb=frames_mb)
        yield RunStarted(number, len(sequences), sequence, None if folder is None else folder.path)
        sweep = plan if isinstance(plan, SweepPlan) else SweepPlan()
        taking = Taking(core, sequence, live, sweep, folder)
        try:
            summary = yield from taking.iter_events()
        finally:
            failed = taking.end(before, moves=return_to_start)
        files = () if folder is None else tuple(folder.files)
        place = None if folder is None else folder.path
        notes = (*summary.notes, *failed)
        done.append(RunFinished(number, place, files, summary, taking.skipped, notes))
        yield done[-1]
        taking.check()
        if taking.was_canceled:
            break
    return tuple(done)


def _sequences(
    plan: "SweepPlan | MDASequence | Sequence[MDASequence]",
    before: StageState,
    base: "MDASequence | None",
) -> "Sequence[MDASequence]":
    if isinstance(plan, SweepPlan):
        if plan.range_by == "around" and before.z_um is None:
            raise LiveError(
                "the sweep is to be around where the stage stands, which it does not tell; choose "
                "a focus device (core.setFocusDevice), or give top and bottom."
            )
        return plan.sequences(before.z_um or 0.0, base)
    # A sequence of useq is itself iterable.
    return (plan,) if hasattr(plan, "z_plan") else tuple(plan)  # type: ignore[return-value]
