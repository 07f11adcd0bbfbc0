"""What a training leaves."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from napari_umis_fusion.network.weights import save_checkpoint
from napari_umis_fusion.training.config import TrainingConfig

Reason = Literal["done", "no_gain", "not_finite"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """The best network of a training.

    Attributes
    ----------
    model : torch.nn.Module
        With the weights that validated best, in evaluation mode, on the CPU.
    step : int
        Updates behind these weights.
    score : float
        Of their validation; see `Validated`.
    metrics : mapping of str to float
        Of their validation.
    start_metrics : mapping of str to float or None
        Of the weights that training started from; None if it started from nothing.
    reason : {"done", "no_gain", "not_finite"}
        Why training ended: all steps made, no gain for `patience` validations, or a loss that
        was infinite or not a number, in which case the last good weights are here.
    steps_done : int
        Updates made in all.
    config : TrainingConfig
        How it was trained.
    data : mapping
        What it was trained on: numbers of images and their sources.
    """

    model: nn.Module
    step: int
    score: float
    metrics: Mapping[str, float]
    start_metrics: Mapping[str, float] | None
    reason: Reason
    steps_done: int
    config: TrainingConfig
    data: Mapping[str, Any]

    @property
    def improved(self) -> bool:
        """Whether training found better weights than it started from."""
        return self.start_metrics is None or self.step > 0

    def save(self, path: str | os.PathLike[str], **about: Any) -> Path:
        """Save the weights as .safetensors, with config, data and scores in the header."""
        header = {
            "config": self.config.as_dict(),
            "training_data": dict(self.data),
            "scores": dict(self.metrics),
            "steps": self.step,
            **about,
        }
        return save_checkpoint(path, self.model, header)
