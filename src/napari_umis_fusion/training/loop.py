"""The training loop: a generator of events, for scripts, the command line and the dock alike."""

import os
from collections import deque
from collections.abc import Generator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_umis_fusion.errors import CheckpointError, ConfigError, DeviceError
from napari_umis_fusion.network.device import choose_device, is_out_of_memory
from napari_umis_fusion.network.weights import Checkpoint, load_checkpoint
from napari_umis_fusion.training.config import TrainingConfig
from napari_umis_fusion.training.events import (
    CheckpointSaved,
    StepDone,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
    Validated,
    Working,
)
from napari_umis_fusion.training.images import ImageSet, gather_images
from napari_umis_fusion.training.objective import Trial, make_aim
from napari_umis_fusion.training.result import Reason, TrainingResult
from napari_umis_fusion.training.schedule import learning_rate
from napari_umis_fusion.training.state import TrainingState, load_state
from napari_umis_fusion.training.trainer import NotFiniteError, Trainer
from napari_umis_fusion.workers import Workers, drain, reporting, thread_count

MAY_CHANGE = ("device", "threads")
"""Options that a training may go on without."""

TORCH_SHARE = 2 / 3
"""Of the threads; the others make the next batches meanwhile."""

AHEAD = 2
"""Batches that are made while one is learnt from."""


def train(
    data: Any,
    config: TrainingConfig | None = None,
    *,
    start: str | os.PathLike[str] | Checkpoint | None = None,
    state: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **options: Any,
) -> Generator[TrainingEvent, None, TrainingResult]:
    """Train a network and tell about it on the way.

    Parameters
    ----------
    data : path, array, sequence of them, or ImageSet
        Sharp images; see `gather_images`. No labels.
    config : TrainingConfig, optional
        How to train.
    start : path or Checkpoint, optional
        Weights to start from; by default from nothing. They are validated first, and kept unless
        training finds better ones.
    state : path, optional
        Where to save, at each validation, all that is needed to go on.
    resume : bool
        Go on from `state` if it exists: to the same weights, on the same machine, as without the
        interruption.
    **options
        Fields of `TrainingConfig`, on top of `config`.

    Yields
    ------
    TrainingStarted, Working, StepDone, Validated, CheckpointSaved, TrainingFinished
        At least every 100 ms. It can be abandoned at any of them (``close()``).

    Returns
    -------
    TrainingResult
        The weights that validated best.

    Raises
    ------
    StackError
        If there are too few images.
    ConfigError
        If an option is out of bounds, or `state` belongs to another training.
    CheckpointError
        If weights or state cannot be loaded, or the state not be saved.
    DeviceError
        If the device is absent, or runs out of memory.

    Examples
    --------
    >>> from napari_umis_fusion.training import train
    >>> for event in train("photographs", steps=2000):  # doctest: +SKIP
    ...     print(event)
    """
    config = (config or TrainingConfig()).replace(**options)
    where = _state_path(state, resume)
    images = gather_images(data)
    learn, held_out = images.split(config.validation_share, config.seed)
    trainer, total = _prepare(config, learn, held_out, start)
    about = describe(learn, held_out)
    first = _restore(trainer, where, about) if resume and where and where.exists() else 0
    yield TrainingStarted(
        first,
        total,
        len(learn),
        len(held_out),
        images.left_out,
        trainer.device.type,
        trainer.precision,
        sum(p.numel() for p in trainer.model.parameters()),
    )
    with Workers(config.threads) as workers:
        run = _Run(trainer, workers, first, total, where, about)
        if start is not None and first == 0:
            yield from run.validate()  # what is trained must be better than the start
            trainer.start_metrics = trainer.best.metrics if trainer.best else None
        reason = yield from run.steps()
    result = _result(trainer, reason, run.step, about)
    yield TrainingFinished(result)
    return result


def train_to_end(data: Any, config: TrainingConfig | None = None, **options: Any) -> TrainingResult:
    """Train without telling about it; takes and returns what `train` does."""
    return drain(train(data, config, **options))


def describe(learn: ImageSet, held_out: ImageSet) -> dict[str, Any]:
    """Return what is known of the data: numbers of images by source, and which are held out."""
    counts = {source: learn.sources.count(source) for source in sorted(set(learn.sources))}
    names = sorted(Path(name).name for name in held_out.names)
    return {"training_images": len(learn), "sources": counts, "held_out": names}


class _Run:
    """The steps of a training, one after the other."""

    def __init__(
        self,
        trainer: Trainer,
        workers: Workers,
        first: int,
        total: int,
        where: Path | None,
        about: dict[str, Any],
    ) -> None:
        self.trainer = trainer
        self.workers = workers
        self.step = first
        self.total = total
        self.where = where
        self.about = about

    def steps(self) -> Generator[TrainingEvent, None, Reason]:
        """Make all steps that are left; returns why it ended."""
        config = self.trainer.config
        every = config.validate_every or self.trainer.aim.steps_per_epoch
        to_come = iter(range(self.step, self.total))
        batches = deque(self._batch(step) for step in islice(to_come, AHEAD))
        while self.step < self.total:
            if config.patience and self.trainer.without_gain >= config.patience:
                return "no_gain"
            batches.extend(self._batch(step) for step in islice(to_come, 1))
            batch = yield from self._working(batches.popleft())
            rate = self._learning_rate()
            try:
                update = self.workers.submit(self.trainer.update, batch, rate)
                losses = yield from self._working(update)
            except NotFiniteError:
                return "not_finite"
            self.step += 1
            yield StepDone(self.step, self.total, losses, rate)
            if self.step % every == 0 or self.step == self.total:
                yield from self.validate()
        return "done"

    def _batch(self, step: int) -> Any:
        return self.workers.submit(self.trainer.aim.batch, step)

    def _learning_rate(self) -> float:
        trainer = self.trainer
        return learning_rate(trainer.config, self.step, self.total, trainer.aim.steps_per_epoch)

    def validate(self) -> Generator[TrainingEvent]:
        """Try the network on what it is not trained on, and save where training stands."""
        trials: list[Trial] = []
        for index in range(self.trainer.aim.trials):
            attempt = self.workers.submit(self.trainer.attempt, index)
            trials.append((yield from self._working(attempt)))
            yield Working(self.step, self.total)  # many short waits must not go silent
        metrics, is_best = self.trainer.judge(self.step, trials)
        score = metrics[self.trainer.aim.score]
        yield Validated(self.step, score, metrics, trials[0].samples, is_best)
        if self.where is not None:
            state = self.trainer.state(self.step, self.about)
            yield from self._working(self.workers.submit(state.save, self.where))
            yield CheckpointSaved(self.where, self.step)

    def _working(self, future: Any) -> Generator[TrainingEvent, None, Any]:
        waiting = self.workers.result(future)
        try:
            return (yield from reporting(waiting, Working(self.step, self.total)))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise DeviceError(_too_large(self.trainer)) from error


def _state_path(state: str | os.PathLike[str] | None, resume: bool) -> Path | None:
    if state is None:
        if resume:
            raise ConfigError("resume=True needs the file to go on from; give state=.")
        return None
    where = Path(state).absolute()
    if not where.parent.is_dir() or where.is_dir():
        raise CheckpointError(f"{where}: no file can be written there; give one in a folder.")
    return where


def _too_large(trainer: Trainer) -> str:
    sizes = "patch_px" if trainer.config.objective == "select" else "width_px and height_px"
    return (
        f"{trainer.device.type} ran out of memory; lower batch (now {trainer.config.batch}), or "
        f"{sizes}."
    )


def _prepare(
    config: TrainingConfig,
    learn: ImageSet,
    held_out: ImageSet,
    start: str | os.PathLike[str] | Checkpoint | None,
) -> tuple[Trainer, int]:
    if isinstance(start, (str, os.PathLike)):
        start = load_checkpoint(start)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)  # and not those of other devices
        model: nn.Module | None = start.model() if start is not None else None
        aim = make_aim(config, learn, held_out, model)
    device = choose_device(config.device)
    threads = config.threads or thread_count()
    trainer = Trainer(aim, config, device, max(1, int(threads * TORCH_SHARE)))
    total = config.epochs * aim.steps_per_epoch if config.epochs else config.steps
    return trainer, total


def _restore(trainer: Trainer, where: Path, about: dict[str, Any]) -> int:
    state: TrainingState = load_state(where)
    now, before = trainer.config.as_dict(), state.config.as_dict()
    changed = [name for name in now if name not in MAY_CHANGE and now[name] != before[name]]
    if changed:
        said = ", ".join(f"{name}={before[name]!r}, not {now[name]!r}" for name in changed)
        raise ConfigError(f"{where} belongs to a training with {said}; give its options, or anew.")
    if state.data != about:
        raise ConfigError(f"{where} belongs to a training on other images; give the same ones.")
    trainer.restore(state)
    return state.step


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
