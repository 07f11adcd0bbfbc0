"""Fit a training into the time that it may take, as measured on this machine."""

import itertools
import time
from collections import deque
from collections.abc import Generator

import numpy as np

from napari_umis_fusion.runtime import Workers, give_back_memory, repeat_event
from napari_umis_fusion.training._events import Noted, Preparing, TrainingEvent
from napari_umis_fusion.training.loop._run import AHEAD
from napari_umis_fusion.training.loop._trainer import Trainer

WARM_UP, MEASURED = 2, 8
"""Steps that are rehearsed before the measurement, and during it: the first ones allocate memory
and fill the tables of the renderer. Of the measured ones, as many render scenes as of all steps,
where scenes are used once, twice, four or eight times."""

EXAMPLES = 4
"""Of a validation that are measured, each twice: its stack is rendered the first time alone."""

FEWEST_STEPS = 50
"""Steps of a training however slow the machine: fewer would teach nothing."""


def iter_fit(
    trainer: Trainer, total: int, comparing: Generator[None, None, float] | None = None
) -> Generator[TrainingEvent, None, int]:
    """Measure how long a step takes; return how many of `total` steps fit into the time.

    Nothing that the training depends on is changed. The yielded note says what was measured.

    Parameters
    ----------
    trainer : Trainer
        Of the training.
    total : int
        Steps that are asked for.
    comparing : generator, optional
        Returns the seconds that the comparison at the end will take.
    """
    comparison_s = 0.0
    if comparing is not None:
        comparison_s = yield from repeat_event(comparing, Preparing("measuring the speed", 0.0))
    per_step, validation_s = yield from _iter_measure(trainer, total)
    # The initial weights are validated, too.
    aside_s = validation_s + comparison_s
    fitting = max(FEWEST_STEPS, int((60 * trainer.config.minutes - aside_s) / per_step))
    whole = f"{total:,} steps take about {_minutes(aside_s + total * per_step)} on this machine"
    if fitting >= total:
        yield Noted(whole)
        return total
    taken = _minutes(aside_s + fitting * per_step)
    short = f"of them, {fitting:,} are made, which take about {taken}"
    yield Noted(f"{whole}; {short}. To make them all, set minutes to 0")
    return fitting


def _iter_measure(
    trainer: Trainer, total: int
) -> Generator[TrainingEvent, None, tuple[float, float]]:
    """Return the seconds of a step, with its share of the validations, and of the first one."""
    objective, config = trainer.objective, trainer.config
    with Workers(config.threads) as workers:
        step_s = yield from _iter_step_s(trainer, workers)
        first_s, later_s = yield from _iter_validation_s(trainer, workers)
    give_back_memory()
    every = min(config.validate_every or objective.steps_per_epoch, total)
    return step_s + later_s / every, first_s


def _iter_step_s(trainer: Trainer, workers: Workers) -> Generator[TrainingEvent, None, float]:
    """Return the seconds of a step, beside which the next batches are made as in the training."""
    start = 0.0
    to_come = itertools.count()
    batches = deque(workers.submit(trainer.objective.batch, next(to_come)) for _ in range(AHEAD))
    for step in range(WARM_UP + MEASURED):
        if step == WARM_UP:
            start = time.perf_counter()
        batches.append(workers.submit(trainer.objective.batch, next(to_come)))
        doing = Preparing("measuring the speed", step / (WARM_UP + MEASURED))
        batch = yield from repeat_event(workers.result(batches.popleft()), doing)
        job = workers.submit_ordered(trainer.rehearse, batch)
        yield from repeat_event(workers.result(job), doing)
    return (time.perf_counter() - start) / MEASURED


def _iter_validation_s(
    trainer: Trainer, workers: Workers
) -> Generator[TrainingEvent, None, tuple[float, float]]:
    """Return the seconds of the first validation, and of a later one, whose stacks are kept."""
    count = trainer.objective.validation_examples
    measured = min(EXAMPLES, count)
    times = [time.perf_counter()]
    for _ in range(2):
        for index in range(measured):
            job = workers.submit_ordered(trainer.validate_example, index)
            yield from repeat_event(workers.result(job), Preparing("measuring the speed", 1.0))
        times.append(time.perf_counter())
    first_s, later_s = (count / measured * taken for taken in np.diff(times))
    return float(first_s), float(later_s)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
