"""The steps of a training, with validations and checkpoints in between."""

import contextlib
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.errors import CheckpointError, DeviceError
from napari_umis_fusion.network import is_out_of_memory
from napari_umis_fusion.runtime import Workers, repeat_event
from napari_umis_fusion.training._events import (
    CheckpointFailed,
    CheckpointSaved,
    Noted,
    StepDone,
    TrainingEvent,
    Validated,
    Working,
)
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training._result import Reason
from napari_umis_fusion.training.loop._monitor import StackMonitor
from napari_umis_fusion.training.loop._schedule import learning_rate
from napari_umis_fusion.training.loop._state import TrainingState
from napari_umis_fusion.training.loop._trainer import NotFiniteError, Trainer

if TYPE_CHECKING:
    from napari_umis_fusion.training.objectives import ValidationExample

AHEAD = 2
"""Batches that are prefetched during a step."""


@dataclass(slots=True)
class _Update:
    """A running update of the weights, and the step that it completes."""

    step: int
    learning_rate: float
    job: Future[dict[str, float]] | None = None


class TrainingRun:
    """Runs the steps of a training; its state is consistent at any time.

    Whatever interrupts it, the order is: the weights are updated or validated, the curve gets its
    row, the step or the validation is counted, and an event is yielded. A saved state holds all of
    these or none.

    Parameters
    ----------
    trainer : Trainer
        Network and optimiser.
    workers : Workers
        Threads of the computation.
    total : int
        Total number of steps.
    where : Path or None
        File of the state.
    about : dict
        Description of the data.
    stop : threading.Event
        Set from outside to stop before the next step.
    curve : LossCurve
        Gets a row for each step and validation; holds the earlier ones of a resumed training.
    monitor : StackMonitor or None
        Fuses the monitored stack.

    Attributes
    ----------
    step : int
        Steps so far.
    """

    def __init__(
        self,
        trainer: Trainer,
        workers: Workers,
        total: int,
        where: Path | None,
        about: dict[str, Any],
        stop: threading.Event,
        curve: LossCurve,
        monitor: StackMonitor | None = None,
    ) -> None:
        self.trainer = trainer
        self.step = 0
        self.curve = curve
        self._workers, self._total, self._where = workers, total, where
        self._about, self._stop, self._monitor = about, stop, monitor
        self._every = trainer.config.validate_every or trainer.objective.steps_per_epoch
        self._saved = (0, 0)
        self._update: _Update | None = None

    def restore(self, state: TrainingState) -> None:
        """Continue from a saved state; raises `ValueError` if it is that of another training."""
        if state.step > self._total:
            raise ValueError(f"it is at step {state.step}, of {self._total}")
        self.trainer.restore(state)
        self.step = state.step
        self._saved = self._stand

    def validate_initial(self) -> Generator[TrainingEvent]:
        """Validate the initial weights: the result must be better than these."""
        self.trainer.start_metrics = {}  # in case it is stopped before they are known
        yield from self._validate(of_initial=True)

    def steps(self) -> Generator[TrainingEvent, None, Reason]:
        """Make all remaining steps; return why training ended."""
        # Interrupted before this validation.
        if self.step > self.trainer.validated and self._validation_is_due():
            yield from self._validate()
        yield from self._fuse_monitored()
        to_come = iter(range(self.step, self._total))
        # batches are rendered on other threads while the network computes
        batches = deque(self._batch(step) for step in islice(to_come, AHEAD))
        while self.step < self._total:
            if self._is_out_of_patience():
                return "no_gain"
            if self._stop.is_set():
                yield from self._validate_last()
                return "stopped"
            batches.extend(self._batch(step) for step in islice(to_come, 1))
            try:
                yield (yield from self._make_step(batches.popleft()))
            except NotFiniteError:
                yield from self._validate_last()
                return "not_finite"
            if self._validation_is_due():
                yield from self._validate()
                yield from self._fuse_monitored()
            elif self._monitor is not None and self._monitor.has_changed:
                yield from self._fuse_monitored()
        return "done"

    def save_checkpoint_now(self) -> None:
        """Save the state at once, whatever was running."""
        update = self._update
        try:
            if update is not None and update.job is None:
                return  # its job may have started: the weights are uncertain
            if update is not None:
                self._count(update)
        except NotFiniteError:  # the weights are unchanged
            pass
        except Exception:  # the weights are uncertain: the last checkpoint stays
            return
        if self._where is not None and self._stand != self._saved:
            with contextlib.suppress(CheckpointError):  # the last checkpoint stays
                self._state().save(self._where)

    @property
    def _stand(self) -> tuple[int, int]:
        """Steps so far, and step of the last validation."""
        return self.step, self.trainer.validated

    def _make_step(self, made: Future[Any]) -> Generator[TrainingEvent, None, StepDone]:
        batch = yield from self._working(made)
        rate = learning_rate(
            self.trainer.config, self.step, self._total, self.trainer.objective.steps_per_epoch
        )
        # remembered before it starts: an interruption can come at any line
        update = self._update = _Update(self.step + 1, rate)
        # On one thread: each one that computes with torch keeps as much memory as a step takes.
        update.job = self._workers.submit_ordered(self.trainer.update, batch, rate)
        try:
            yield from self._working(update.job)
        except Exception:
            self._update = None
            raise
        return self._count(update)

    def _count(self, update: _Update) -> StepDone:
        """Wait for an update, add its row and count it; can be interrupted and repeated."""
        assert update.job is not None
        done = StepDone(update.step, self._total, update.job.result(), update.learning_rate)
        self.curve.add(done)
        self.step = update.step
        self._update = None
        return done

    def _validate_last(self) -> Generator[TrainingEvent]:
        """Validate the last weights: they may be the best, or the only ones."""
        if self.step > self.trainer.validated:
            yield from self._validate(whole=True)

    def _is_out_of_patience(self) -> bool:
        patience = self.trainer.config.patience
        return bool(patience) and self.trainer.without_gain >= patience

    def _validation_is_due(self) -> bool:
        return self.step % self._every == 0 or self.step == self._total

    def _batch(self, step: int) -> Future[Any]:
        return self._workers.submit(self.trainer.objective.batch, step)

    def _validate(
        self, *, whole: bool = False, of_initial: bool = False
    ) -> Generator[TrainingEvent]:
        """Validate the network, and save the state.

        A stop interrupts the validation, unless it has to be completed as a `whole`.
        """
        examples: list[ValidationExample] = []
        for index in range(self.trainer.objective.validation_examples):
            if self._stop.is_set() and not whole:
                return
            attempt = self._workers.submit_ordered(self.trainer.validate_example, index)
            examples.append((yield from self._working(attempt, "validating")))
            # Examples may be shorter than the interval of events.
            yield self._activity("validating")
        metrics = self.trainer.average(examples)
        score = metrics[self.trainer.objective.score]
        is_best = self.trainer.is_best(score)
        done = Validated(self.step, score, metrics, examples[0].samples, is_best)
        self.curve.add(done)
        self.trainer.record_validation(self.step, metrics)
        if of_initial:
            self.trainer.start_metrics = metrics
        yield done
        if self._where is not None:
            yield (yield from self._checkpoint(self._where))

    def _checkpoint(self, where: Path) -> Generator[TrainingEvent, None, TrainingEvent]:
        try:
            yield from self._working(self._workers.submit(self._state().save, where))
        except CheckpointError as error:  # hours of work are in memory: training continues
            return CheckpointFailed(where, self.step, str(error))
        self._saved = self._stand
        return CheckpointSaved(where, self.step)

    def _state(self) -> TrainingState:
        return self.trainer.state(self.step, self._total, self._about, self.curve)

    def _fuse_monitored(self) -> Generator[TrainingEvent]:
        if self._monitor is None:
            return
        made = self._monitor.iter_fuse_monitored(self.trainer.weights(), self.step)
        picture = yield from repeat_event(made, self._activity("fusing the monitored region"))
        if picture is not None:
            yield picture if not isinstance(picture, str) else Noted(picture)

    def _activity(self, what: str) -> Working:
        return Working(self.step, self._total, what)

    def _working(self, future: Future[Any], what: str = "") -> Generator[TrainingEvent, None, Any]:
        waiting = self._workers.result(future)
        try:
            return (yield from repeat_event(waiting, self._activity(what)))
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
