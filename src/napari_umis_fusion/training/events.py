"""What a running training tells: frozen events, yielded by `train`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.training.result import TrainingResult

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """The data was accepted.

    Attributes
    ----------
    first_step, total_steps : int
        `first_step` is above 0 where an earlier training goes on.
    training_images, validation_images : int
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


@dataclass(frozen=True, slots=True)
class Working:
    """Work goes on; comes at least every 100 ms between the others."""

    step: int
    total_steps: int


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
class CheckpointSaved:
    """All that is needed to go on was saved."""

    path: Path
    step: int


@dataclass(frozen=True, slots=True)
class TrainingFinished:
    """The last event."""

    result: TrainingResult


TrainingEvent = (
    TrainingStarted | Working | StepDone | Validated | CheckpointSaved | TrainingFinished
)
