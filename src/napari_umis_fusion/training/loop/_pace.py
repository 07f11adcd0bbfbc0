"""Fit a training into the time that it may take, as measured on this machine."""

import time
from collections.abc import Generator

from napari_umis_fusion.runtime import Workers, repeat_event
from napari_umis_fusion.training._events import Noted, Preparing, TrainingEvent
from napari_umis_fusion.training.loop._trainer import Trainer

WARM_UP, MEASURED = 2, 8
"""Steps that are rehearsed before the measurement, and during it: the first ones allocate memory
and fill the tables of the renderer. Of the measured ones, as many render scenes as of all steps,
where scenes are used once, twice, four or eight times."""

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
    """Return the seconds of a step, with its share of the validations, and of a validation."""
    objective, config = trainer.objective, trainer.config
    with Workers(config.threads) as workers:

        def rehearse(steps: range) -> Generator[TrainingEvent]:
            # In the training, too, the next batches are made during a step.
            batches = [workers.submit(objective.batch, step) for step in steps]
            for step, made in zip(steps, batches, strict=True):
                doing = Preparing("measuring the speed", step / (WARM_UP + MEASURED))
                batch = yield from repeat_event(workers.result(made), doing)
                job = workers.submit_ordered(trainer.rehearse, batch)
                yield from repeat_event(workers.result(job), doing)

        yield from rehearse(range(WARM_UP))
        start = time.perf_counter()
        yield from rehearse(range(WARM_UP, WARM_UP + MEASURED))
        step_s = (time.perf_counter() - start) / MEASURED
        start = time.perf_counter()
        job = workers.submit_ordered(trainer.validate_example, 0)
        doing = Preparing("measuring the speed", 1.0)
        yield from repeat_event(workers.result(job), doing)
        validation_s = objective.validation_examples * (time.perf_counter() - start)
    every = min(config.validate_every or objective.steps_per_epoch, total)
    return step_s + validation_s / every, validation_s


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
