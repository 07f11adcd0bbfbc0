"""Events of a training, yielded by `train`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_umis_fusion.training._result import Comparison, GreyImage, TrainingResult


@dataclass(frozen=True, slots=True)
class Preparing:
    """Data is being prepared; at least every 100 ms before `TrainingStarted`.

    Attributes
    ----------
    what : str
        Current work, such as "fusing stack 1 of 2".
    share : float
        Share of this work that is done, 0 to 1.
    """

    what: str
    share: float


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """The data was accepted.

    Attributes
    ----------
    first_step, total_steps : int
        `first_step` is above 0 for a resumed training.
    training_images, validation_images, test_images : int
        Number of images of each set.
    left_out : tuple of str
        Files that could not be used, each with the reason.
    device, precision : str
        Device and number format of the computation.
    parameters : int
        Number of weights that are trained.
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
    """Work is in progress; at least every 100 ms between the other events.

    Attributes
    ----------
    step, total_steps : int
        Steps so far and in total.
    what : str
        Current work; empty during a step.
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
        Steps so far and in total.
    losses : mapping of str to float
        'total' and its terms.
    learning_rate : float
        Learning rate of this step.
    """

    step: int
    total_steps: int
    losses: Mapping[str, float]
    learning_rate: float


@dataclass(frozen=True, slots=True, eq=False)
class Validated:
    """The network was validated on the validation set.

    Attributes
    ----------
    step : int
        Steps so far.
    score : float
        Score that selects the best weights; higher is better.
    metrics : mapping of str to float
        All metrics by name; PSNR in dB.
    samples : mapping of str to ndarray of shape (Y, X)
        Images of one example, 0 to 1.
    is_best : bool
        Whether these weights are the best so far.
    """

    step: int
    score: float
    metrics: Mapping[str, float]
    samples: Mapping[str, GreyImage]
    is_best: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """A notice for the user; training continues."""

    text: str


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """The state of the training was saved; it can be resumed from here."""

    path: Path
    step: int


@dataclass(frozen=True, slots=True)
class CheckpointFailed:
    """The state could not be saved; training continues, and the previous checkpoint stays.

    Attributes
    ----------
    path : Path
        File of the state.
    step : int
        Steps so far.
    reason : str
        Reason as text.
    """

    path: Path
    step: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """The monitored stack was fused.

    Attributes
    ----------
    step : int
        Step of the current weights.
    initial, current : ndarray of shape (Y, X) or (Y, X, C)
        All-in-focus images, in the dtype of the stack: with the initial weights (those of the
        package for an untrained network), and with the current weights.
    stack : object
        The monitored stack: the same object that was given.
    """

    step: int
    initial: NDArray[Any]
    current: NDArray[Any]
    stack: Any


@dataclass(frozen=True, slots=True)
class Compared:
    """The result was compared with the initial weights on images that training did not see."""

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
