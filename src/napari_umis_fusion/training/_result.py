"""What a training leaves."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.training._config import TrainingConfig

if TYPE_CHECKING:
    from torch import nn

Reason = Literal["done", "no_gain", "not_finite", "stopped"]

Verdict = Literal["better", "worse", "unclear"]

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """How the outcome of a training compares with the weights that it started from.

    Both fused the same stacks, rendered from images that no step of the training saw.

    Attributes
    ----------
    baseline : str
        Whose scores are those of `before`: the name of the weights that training started from,
        or of those of the package if it started from nothing.
    before, after : mapping of str to float
        Means over the stacks: "psnr" in dB, "ssim" and "false_edges" (a share).
    stacks : int
        How many were fused.
    better : int
        Stacks with a higher PSNR than before.
    gain_error_db : float
        Standard error of the mean gain in PSNR.
    unseen : bool
        False if there were too few images to keep some for this: the stacks were then rendered
        from those that validation chose the weights by.
    samples : mapping of str to ndarray of shape (Y, X)
        Pictures of one stack, 0 to 1: "truth", "before", "after".
    """

    baseline: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    stacks: int
    better: int
    gain_error_db: float
    unseen: bool
    samples: Mapping[str, Picture]

    @property
    def gain_db(self) -> float:
        """Gain in PSNR, in dB; below 0 if the outcome is worse."""
        return self.after["psnr"] - self.before["psnr"]

    @property
    def verdict(self) -> Verdict:
        """Whether the outcome is better or worse by more than chance would explain.

        "unclear" where the gain in PSNR is within two standard errors.
        """
        if abs(self.gain_db) <= 2 * self.gain_error_db:
            return "unclear"
        return "better" if self.gain_db > 0 else "worse"

    def as_dict(self) -> dict[str, Any]:
        """Return all but the pictures as JSON values."""
        names = ("baseline", "before", "after", "stacks", "better", "gain_error_db", "unseen")
        values = {name: getattr(self, name) for name in names}
        return {**values, "before": dict(self.before), "after": dict(self.after)}


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
    reason : {"done", "no_gain", "not_finite", "stopped"}
        Why training ended: all steps made, no gain for `patience` validations, a loss that was
        infinite or not a number, in which case the last good weights are here, or it was told to.
    steps_done : int
        Updates made in all.
    config : TrainingConfig
        How it was trained.
    data : mapping
        What it was trained on: numbers of images and their sources.
    comparison : Comparison or None
        With the start, on images that training did not see; None if not asked for.
    """

    model: "nn.Module"
    step: int
    score: float
    metrics: Mapping[str, float]
    start_metrics: Mapping[str, float] | None
    reason: Reason
    steps_done: int
    config: TrainingConfig
    data: Mapping[str, Any]
    comparison: Comparison | None = None

    @property
    def improved(self) -> bool:
        """Whether training found better weights than it started from."""
        return self.steps_done > 0 and (self.start_metrics is None or self.step > 0)

    def save(self, path: str | os.PathLike[str], **about: Any) -> Path:
        """Save the weights as .safetensors, with config, data and scores in the header."""
        from napari_umis_fusion.network import save_checkpoint

        header = {
            "config": self.config.as_dict(),
            "training_data": dict(self.data),
            "scores": dict(self.metrics),
            "steps": self.step,
            **about,
        }
        if self.comparison is not None:
            header["comparison"] = self.comparison.as_dict()
        return save_checkpoint(path, self.model, header)
