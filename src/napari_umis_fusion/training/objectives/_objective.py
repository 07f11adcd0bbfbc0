"""The interface of an objective for the training loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from napari_umis_fusion.training._result import GreyImage


@dataclass(frozen=True, slots=True, eq=False)
class ValidationExample:
    """The result of one validation example.

    Attributes
    ----------
    metrics : mapping of str to float
        Metrics, which are averaged over the examples.
    samples : mapping of str to ndarray of shape (Y, X)
        Images, 0 to 1.
    """

    metrics: Mapping[str, float]
    samples: Mapping[str, GreyImage]


class Objective(Protocol):
    """Makes batches, losses and validation examples; equal seeds give equal ones."""

    model: nn.Module
    score: str
    """Metric that selects the best weights; higher is better."""

    steps_per_epoch: int
    """Steps in which every image is used about once."""

    validation_examples: int
    """Number of validation examples."""

    def batch(self, step: int) -> Any:
        """Make the batch of a step; called from a worker thread."""
        ...

    def losses(self, batch: Any, device: torch.device) -> dict[str, Tensor]:
        """Return the weighted terms of the loss, whose sum is minimised."""
        ...

    def validate_example(self, index: int, device: torch.device) -> ValidationExample:
        """Evaluate the network on a validation example."""
        ...
