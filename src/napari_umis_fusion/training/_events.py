"""What a running training tells: frozen events, yielded by `train`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.training._result import Comparison, TrainingResult

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Preparing:
    """Data is made ready; comes at least every 100 ms before `TrainingStarted`.

    Attributes
    ----------
    what : str
        What is being done, in words: "fusing stack 1 of 2".
    share : float
        Of this work that is behind, 0 to 1.
    """

    what: str
    share: float


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """The data was accepted.

    Attributes
    ----------
    first_step, total_steps : int
        `first_step` is above 0 where an earlier training goes on.
    training_images, validation_images, test_images : int
        How many of each.
    left_out : tuple of str
        Files that could not be used, each with the reason.
    device, precision : str
        Where and in which numbers it computes.
    parameters : int
        Weights that are trained.
    """

    first_step: int
    total_steps: int
    training_images: int
    validation_images: int
    left_out: tuple[str, ...]
    device: str
    precision: str
    parameters: int
    test_images: int = 0


@dataclass(frozen=True, slots=True)
class Working:
    """Work goes on; comes at least every 100 ms between the others.

    Attributes
    ----------
    step, total_steps : int
        Updates so far and in all.
    what : str
        What is being done, in words; empty while it learns.
    """

    step: int
    total_steps: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class StepDone:
    """The weights were updated.

    Attributes
    ----------
    step, total_steps : int
        Updates so far and in all.
    losses : mapping of str to float
        'total' and its terms.
    learning_rate : float
        Of this step.
    """

    step: int
    total_steps: int
    losses: Mapping[str, float]
    learning_rate: float


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """The network was tried on images that it is not trained on.

    Attributes
    ----------
    step : int
        Updates so far.
    score : float
        What decides which weights are kept; more is better.
    metrics : mapping of str to float
        All that was measured, by name; PSNR in dB.
    samples : mapping of str to ndarray of shape (Y, X)
        Pictures of one example, 0 to 1.
    is_best : bool
        Whether these weights are the best so far.
    """

    step: int
    score: float
    metrics: Mapping[str, float]
    samples: Mapping[str, Picture]
    is_best: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that does not stop the training, for people to read."""

    text: str


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """All that is needed to go on was saved."""

    path: Path
    step: int


@dataclass(frozen=True, slots=True)
class CheckpointFailed:
    """What is needed to go on could not be saved; training goes on, and the last one is kept.

    Attributes
    ----------
    path : Path
        Where.
    step : int
        Updates so far.
    reason : str
        Why, in words.
    """

    path: Path
    step: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """The stack that is watched was fused.

    Attributes
    ----------
    step : int
        Updates behind the weights of `now`.
    before, now : ndarray of shape (Y, X) or (Y, X, C)
        All-in-focus images, in the dtype of the stack: with the weights that training started
        from (those of the package if it started from nothing), and with those of this step.
    stack : object
        What was watched: the very object that was given.
    """

    step: int
    before: NDArray[Any]
    now: NDArray[Any]
    stack: Any


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome was compared with the start on images that training did not see."""

    comparison: Comparison


@dataclass(frozen=True, slots=True)
class TrainingFinished:
    """The last event."""

    result: TrainingResult


TrainingEvent = (
    Preparing
    | TrainingStarted
    | Working
    | StepDone
    | Validated
    | Pictured
    | Noted
    | CheckpointSaved
    | CheckpointFailed
    | Compared
    | TrainingFinished
)
