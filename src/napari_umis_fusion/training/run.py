"""The steps of a training, one after the other, with validations and checkpoints in between."""

import contextlib
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.errors import CheckpointError, DeviceError
from napari_umis_fusion.network.device import is_out_of_memory
from napari_umis_fusion.training.events import (
    CheckpointFailed,
    CheckpointSaved,
    Noted,
    StepDone,
    TrainingEvent,
    Validated,
    Working,
)
from napari_umis_fusion.training.result import Reason
from napari_umis_fusion.training.schedule import learning_rate
from napari_umis_fusion.training.state import TrainingState
from napari_umis_fusion.training.trainer import NotFiniteError, Trainer
from napari_umis_fusion.training.watching import Watcher
from napari_umis_fusion.workers import Workers, reporting

if TYPE_CHECKING:
    from napari_umis_fusion.training.objective import Trial

AHEAD = 2
"""Batches that are made while one is learnt from."""


class TrainingRun:
    """Trains, and knows at any time where it stands.

    Parameters
    ----------
    trainer : Trainer
        Network and optimiser.
    workers : Workers
        Threads to compute on.
    total : int
        Updates to make in all.
    where : Path or None
        File for what is needed to go on.
    about : dict
        What is known of the data.
    stop : threading.Event
        Set from outside when no further step is wanted.
    watcher : Watcher or None
        Makes pictures of the stack that is watched.

    Attributes
    ----------
    step : int
        Updates so far.
    """

    def __init__(
        self,
        trainer: Trainer,
        workers: Workers,
        total: int,
        where: Path | None,
        about: dict[str, Any],
        stop: threading.Event,
        watcher: Watcher | None = None,
    ) -> None:
        self.trainer = trainer
        self.step = 0
        self._workers, self._total, self._where = workers, total, where
        self._about, self._stop, self._watcher = about, stop, watcher
        self._every = trainer.config.validate_every or trainer.aim.steps_per_epoch
        self._validated = self._saved = 0
        self._update: Future[Any] | None = None

    def restore(self, state: TrainingState) -> None:
        """Go on where a state was saved."""
        self.trainer.restore(state)
        self.step = self._saved = state.step
        self._validated = state.step if state.validated is None else state.validated

    def try_start(self) -> Generator[TrainingEvent]:
        """Validate the weights that training starts from: what is trained must be better."""
        self.trainer.start_metrics = {}  # should it be stopped before they are known
        yield from self._validate(of_start=True)

    def steps(self) -> Generator[TrainingEvent, None, Reason]:
        """Make all steps that are left; returns why it ended."""
        if self.step > self._validated and self._is_due():  # it ended before it could
            yield from self._validate()
        yield from self._picture()
        to_come = iter(range(self.step, self._total))
        batches = deque(self._batch(step) for step in islice(to_come, AHEAD))
        while self.step < self._total:
            if self._has_no_gain():
                return "no_gain"
            if self._stop.is_set():
                yield from self._judge_the_last()
                return "stopped"
            batches.extend(self._batch(step) for step in islice(to_come, 1))
            try:
                yield (yield from self._make_step(batches.popleft()))
            except NotFiniteError:
                yield from self._judge_the_last()
                return "not_finite"
            if self._is_due():
                yield from self._validate()
                yield from self._picture()
            elif self._watcher is not None and self._watcher.has_new:
                yield from self._picture()
        return "done"

    def save_where_it_stands(self) -> None:
        """Save what is needed to go on, at once, whatever was under way."""
        try:
            if self._update is not None:
                self._update.result()
                self.step += 1
        except Exception:  # weights in doubt: the last checkpoint stands
            return
        if self._where is not None and self.step > self._saved:
            with contextlib.suppress(CheckpointError):  # the last checkpoint stands
                self._state().save(self._where)

    def _make_step(self, made: Future[Any]) -> Generator[TrainingEvent, None, StepDone]:
        batch = yield from self._working(made)
        rate = learning_rate(
            self.trainer.config, self.step, self._total, self.trainer.aim.steps_per_epoch
        )
        self._update = self._workers.submit(self.trainer.update, batch, rate)
        try:
            losses = yield from self._working(self._update)
        except Exception:
            self._update = None
            raise
        self._update = None
        self.step += 1
        return StepDone(self.step, self._total, losses, rate)

    def _judge_the_last(self) -> Generator[TrainingEvent]:
        """Validate the latest weights: they may be the best, or the only ones."""
        if self.step > self._validated:
            yield from self._validate(whole=True)

    def _has_no_gain(self) -> bool:
        patience = self.trainer.config.patience
        return bool(patience) and self.trainer.without_gain >= patience

    def _is_due(self) -> bool:
        return self.step % self._every == 0 or self.step == self._total

    def _batch(self, step: int) -> Future[Any]:
        return self._workers.submit(self.trainer.aim.batch, step)

    def _validate(self, *, whole: bool = False, of_start: bool = False) -> Generator[TrainingEvent]:
        """Try the network on what it is not trained on, and save where training stands.

        When training is told to stop, it is broken off, unless it has to be made as a `whole`.
        """
        trials: list[Trial] = []
        for index in range(self.trainer.aim.trials):
            if self._stop.is_set() and not whole:
                return
            attempt = self._workers.submit(self.trainer.attempt, index)
            trials.append((yield from self._working(attempt, "validating")))
            yield self._doing("validating")  # many short waits must not go silent
        metrics, is_best = self.trainer.judge(self.step, trials)
        self._validated = self.step
        if of_start:
            self.trainer.start_metrics = metrics
        score = metrics[self.trainer.aim.score]
        yield Validated(self.step, score, metrics, trials[0].samples, is_best)
        if self._where is not None:
            yield (yield from self._checkpoint(self._where))

    def _checkpoint(self, where: Path) -> Generator[TrainingEvent, None, TrainingEvent]:
        try:
            yield from self._working(self._workers.submit(self._state().save, where))
        except CheckpointError as error:  # hours of work are in memory: it goes on
            return CheckpointFailed(where, self.step, str(error))
        self._saved = self.step
        return CheckpointSaved(where, self.step)

    def _state(self) -> TrainingState:
        return self.trainer.state(self.step, self._about, self._validated)

    def _picture(self) -> Generator[TrainingEvent]:
        if self._watcher is None:
            return
        made = self._watcher.iter_picture(self.trainer.weights(), self.step)
        picture = yield from reporting(made, self._doing("making a picture"))
        if picture is not None:
            yield picture if not isinstance(picture, str) else Noted(picture)

    def _doing(self, what: str) -> Working:
        return Working(self.step, self._total, what)

    def _working(self, future: Future[Any], what: str = "") -> Generator[TrainingEvent, None, Any]:
        waiting = self._workers.result(future)
        try:
            return (yield from reporting(waiting, self._doing(what)))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise DeviceError(_too_large(self.trainer)) from error


def _too_large(trainer: Trainer) -> str:
    sizes = "patch_px" if trainer.config.objective == "select" else "width_px and height_px"
    return (
        f"{trainer.device.type} ran out of memory; lower batch (now {trainer.config.batch}), or "
        f"{sizes}."
    )
