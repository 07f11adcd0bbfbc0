"""What a training aims at, seen from the loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ValidationExample:
    """How one validation example went.

    Attributes
    ----------
    metrics : mapping of str to float
        To be averaged over the examples.
    samples : mapping of str to ndarray of shape (Y, X)
        Pictures, 0 to 1.
    """

    metrics: Mapping[str, float]
    samples: Mapping[str, Picture]


class Objective(Protocol):
    """Makes batches, losses and validation examples; equal seeds give equal ones."""

    model: nn.Module
    score: str
    """The metric that decides which weights are kept; more is better."""

    steps_per_epoch: int
    """Steps in which every image is seen about once."""

    validation_examples: int
    """Validation examples."""

    def batch(self, step: int) -> Any:
        """Make the batch of a step; called from a thread of its own."""
        ...

    def losses(self, batch: Any, device: torch.device) -> dict[str, Tensor]:
        """Return the terms of the loss, weighted, to be summed."""
        ...

    def validate_example(self, index: int, device: torch.device) -> ValidationExample:
        """Try the network on a validation example."""
        ...
