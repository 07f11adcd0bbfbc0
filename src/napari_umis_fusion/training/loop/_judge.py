"""Judge the result of a training against the initial weights, which stay if it is no better."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from napari_umis_fusion.network import Checkpoint
from napari_umis_fusion.runtime import repeat_event, temporary_folder
from napari_umis_fusion.training._events import Compared, Noted, TrainingEvent, Working
from napari_umis_fusion.training._result import TrainingResult
from napari_umis_fusion.training.data import ImageSplit
from napari_umis_fusion.training.loop._compare import iter_compare

NO_BETTER = (
    "the trained weights are no better than the initial ones on the stacks on which both were "
    "compared, whatever validation found: the initial weights are kept"
)


def iter_judge(
    result: TrainingResult,
    score: str,
    start: Checkpoint | None,
    split: ImageSplit,
    initial: Path,
) -> Generator[TrainingEvent, None, TrainingResult]:
    """Compare a result with the initial weights, on the test set if there is one.

    Parameters
    ----------
    result : TrainingResult
        With the best weights of the validations.
    score : str
        Metric by which validations judge.
    start : Checkpoint or None
        Weights with which the training began; None for those of an untrained network.
    split : ImageSplit
        Images that training used, and those that it did not.
    initial : Path
        Weights to compare with.

    Yields
    ------
    TrainingEvent
        At least every 100 ms: `Working`, `Compared`, and `Noted` for what a user should know.

    Returns
    -------
    TrainingResult
        With the comparison; with the weights of `start` if those of the result are no better.
    """
    working = Working(result.steps_done, result.steps_done, "comparing with the initial weights")
    try:
        with temporary_folder() as folder:
            trained = result.save(Path(folder) / "result.safetensors")
            comparing = iter_compare(
                initial, trained, split.compared, result.config,
                initial_name=start.metadata.get("name", "") if start else "",
                unseen=len(split.test) > 0,
            )  # fmt: skip
            comparison = yield from repeat_event(comparing, working)
    except Exception as error:  # without a comparison, the result is still valid
        yield Noted(f"the result could not be compared with the initial weights: {error}")
        return result
    yield Compared(comparison)
    result = replace(result, comparison=comparison)
    if start is not None and comparison.gain_db <= 0:
        yield Noted(NO_BETTER)
        return _as_it_began(result, start, score)
    return result


def _as_it_began(result: TrainingResult, start: Checkpoint, score: str) -> TrainingResult:
    """Return the result with the initial weights and their scores."""
    metrics = result.start_metrics or {}
    kept = metrics.get(score, float("nan"))
    return replace(result, model=start.model(), step=0, score=kept, metrics=metrics)
