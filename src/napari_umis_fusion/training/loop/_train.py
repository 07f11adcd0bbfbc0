"""The training loop: a generator of events for scripts, command line and widget."""

import os
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.network import Checkpoint, choose_device, load_checkpoint, shipped_weights
from napari_umis_fusion.runtime import (
    Workers,
    config_of,
    naming_faults,
    run_to_end,
    thread_count,
    user_path,
)
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._events import (
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training._options import NETWORKS
from napari_umis_fusion.training._result import Reason, TrainingResult
from napari_umis_fusion.training._session_folder import session_lock, state_file
from napari_umis_fusion.training.data import ImageSplit, iter_collect, split_images
from napari_umis_fusion.training.loop._compare import iter_comparison_s
from napari_umis_fusion.training.loop._judge import iter_judge
from napari_umis_fusion.training.loop._monitor import StackMonitor
from napari_umis_fusion.training.loop._pace import iter_fit
from napari_umis_fusion.training.loop._run import TrainingRun
from napari_umis_fusion.training.loop._state import TrainingState, check_options, load_state
from napari_umis_fusion.training.loop._trainer import Trainer
from napari_umis_fusion.training.objectives import make_objective

_SEEDING = threading.Lock()
"""torch has one random generator for all threads."""

TORCH_SHARE = 2 / 3
"""Share of the threads for torch; the others make the next batches."""

InitialWeights = str | os.PathLike[str] | Checkpoint | None


def train(
    data: Any,
    config: TrainingConfig | None = None,
    *,
    start: InitialWeights = None,
    state: str | os.PathLike[str] | None = None,
    resume: bool = False,
    stop: threading.Event | None = None,
    watch: Callable[[], Any] | None = None,
    curve: LossCurve | None = None,
    **options: Any,
) -> Generator[TrainingEvent, None, TrainingResult]:
    """Train a network, yielding events.

    Parameters
    ----------
    data : path, array, sequence of them, ImageSet or TrainingData
        Sharp images, see `collect_images`, or z-stacks, see `TrainingData`. No labels.
    config : TrainingConfig, optional
        Options of the training.
    start : path or Checkpoint, optional
        Initial weights; by default those of an untrained network. They are validated first, and
        kept unless training finds better ones.
    state : path, optional
        File for the state, saved at each validation and when the generator is closed. If saving
        fails, `CheckpointFailed` is yielded and training continues. The folder of a
        `TrainingSession` stands for the state in it.
    resume : bool
        Resume from `state` if it exists. On the same machine, training ends with the same weights
        as without the interruption.
    stop : threading.Event, optional
        Set it to end the training at the next step and keep the best weights.
    watch : callable, optional
        Returns a stack to monitor, as `fuse` accepts it, or None; called after every step. The
        stack is fused at every validation, and whenever it changes: see `Pictured`.
    curve : LossCurve, optional
        Receives losses and validations; of a resumed training, from `TrainingStarted` on also the
        earlier ones.
    **options
        Fields of `TrainingConfig` that override `config`.

    Yields
    ------
    TrainingEvent
        At least every 100 ms: `Preparing`, `TrainingStarted`, `Working`, `StepDone`, `Validated`,
        `Pictured`, `Noted`, `CheckpointSaved`, `CheckpointFailed`, `Compared`,
        `TrainingFinished`. It can be closed at any of them (``close()``).

    Returns
    -------
    TrainingResult
        The weights with the best validation.

    Raises
    ------
    StackError
        If there are too few images.
    ConfigError
        If an option is out of bounds, or `state` belongs to another training.
    CheckpointError
        If weights or state cannot be loaded, or the folder of `state` does not exist.
    DeviceError
        If the device does not exist, or runs out of memory.
    BusyError
        If `state` belongs to a session that is in use.

    Examples
    --------
    >>> from napari_umis_fusion.training import train
    >>> for event in train("photographs", steps=2000):  # doctest: +SKIP
    ...     print(event)
    """
    config = config_of(TrainingConfig, config, options)
    where = _state_path(state, resume)
    with session_lock(where):
        training = iter_train(
            data, config, start=start, where=where, resume=resume, stop=stop, watch=watch,
            curve=curve,
        )  # fmt: skip
        return (yield from training)


def iter_train(
    data: Any,
    config: TrainingConfig,
    *,
    start: InitialWeights,
    where: Path | None,
    resume: bool,
    stop: threading.Event | None,
    watch: Callable[[], Any] | None,
    curve: LossCurve | None,
) -> Generator[TrainingEvent, None, TrainingResult]:
    """Train as `train` does, for callers that have locked the state already."""
    images = yield from iter_collect(data)
    split = split_images(images, config)
    start = load_checkpoint(start) if isinstance(start, (str, os.PathLike)) else start
    trainer, total = _prepare(config, split, start)
    about = split.describe()
    saved = _saved(where, config, about) if resume and where and where.exists() else None
    curve = _restored_curve(curve, saved)
    initial = start.path if start else shipped_weights(NETWORKS[config.objective])
    if saved is not None:
        total = saved.total or total
    elif config.minutes and not config.epochs:
        timed = iter_comparison_s(initial, split.compared, config) if config.test_share else None
        total = yield from iter_fit(trainer, total, timed)
    first = 0 if saved is None else saved.step
    yield _started(trainer, split, first, total, images.left_out)
    monitor = StackMonitor(watch, initial, config) if watch is not None else None
    with Workers(config.threads) as workers:
        stop = stop or threading.Event()
        run = TrainingRun(trainer, workers, total, where, about, stop, curve, monitor)
        reason = yield from _iter_run(run, saved, where, has_start=start is not None)
    result = _result(trainer, reason, run.step, about)
    if config.test_share and result.improved:
        result = yield from iter_judge(result, trainer.objective.score, start, split, initial)
    yield TrainingFinished(result)
    return result


def _iter_run(
    run: TrainingRun, saved: TrainingState | None, where: Path | None, *, has_start: bool
) -> Generator[TrainingEvent, None, Reason]:
    """Make the steps of a new training, or those that are left of a saved one."""
    try:
        if saved is not None:
            damaged = "damaged, or the state of another training"
            with naming_faults(str(where), CheckpointError, damaged, "start anew"):
                run.restore(saved)
        elif has_start:
            yield from run.validate_initial()
        return (yield from run.steps())
    except (GeneratorExit, KeyboardInterrupt):
        # also when the generator is closed: nothing since the last validation is lost
        run.save_checkpoint_now()
        raise


def train_to_end(data: Any, config: TrainingConfig | None = None, **options: Any) -> TrainingResult:
    """Train without events; parameters and result are those of `train`."""
    return run_to_end(train(data, config, **options))


def _state_path(state: str | os.PathLike[str] | None, resume: bool) -> Path | None:
    if state is None:
        if resume:
            raise ConfigError("resume=True without state; give the file to resume from as state=.")
        return None
    where = state_file(user_path(state).absolute())
    if not where.parent.is_dir() or where.is_dir():
        raise CheckpointError(
            f"{where}: no file can be written there; give a file in an existing folder."
        )
    return where


def _prepare(
    config: TrainingConfig, split: ImageSplit, start: Checkpoint | None
) -> tuple[Trainer, int]:
    with _SEEDING, torch.random.fork_rng(devices=[]):
        # torch.manual_seed would seed all devices, too.
        torch.default_generator.manual_seed(config.seed)
        model: nn.Module | None = start.model() if start is not None else None
        objective = make_objective(config, split.learn, split.held_out, model)
    device = choose_device(config.device)
    # torch gets only a share of the threads, see TORCH_SHARE
    threads = config.threads or thread_count()
    trainer = Trainer(objective, config, device, max(1, int(threads * TORCH_SHARE)))
    total = config.epochs * objective.steps_per_epoch if config.epochs else config.steps
    return trainer, total


def _started(
    trainer: Trainer, split: ImageSplit, first: int, total: int, left_out: tuple[str, ...]
) -> TrainingStarted:
    return TrainingStarted(
        first,
        total,
        len(split.learn),
        len(split.held_out),
        left_out,
        trainer.device.type,
        trainer.precision,
        sum(p.numel() for p in trainer.model.parameters()),
        len(split.test),
    )


def _saved(where: Path, config: TrainingConfig, about: dict[str, Any]) -> TrainingState:
    state = load_state(where)
    check_options(where, state.config, config.as_dict())
    state.check_data(where, about)
    return state


def _restored_curve(curve: LossCurve | None, saved: TrainingState | None) -> LossCurve:
    """Return the curve up to the saved state; old states had it in a file beside them."""
    curve = LossCurve() if curve is None else curve
    earlier = LossCurve() if saved is None else (saved.curve or curve).up_to(saved.step)
    curve.assign(earlier)
    return curve


def _result(
    trainer: Trainer, reason: Reason, steps_done: int, about: dict[str, Any]
) -> TrainingResult:
    best = trainer.best
    return TrainingResult(
        trainer.best_model(),
        best.step if best else steps_done,
        best.score if best else float("nan"),
        best.metrics if best else {},
        trainer.start_metrics,
        reason,
        steps_done,
        trainer.config,
        about,
    )
