"""The result of a training."""

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

GreyImage = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The result of a training, compared with its initial weights.

    Both fused the same stacks, rendered from images that no step of the training saw.

    Attributes
    ----------
    initial_name : str
        Name of the initial weights, or of those of the package for an untrained network.
    initial, trained : mapping of str to float
        Scores of the initial weights and of the result, as means over the stacks: "psnr" in dB,
        "ssim" and "false_edges" (a share).
    stacks : int
        Number of stacks.
    better : int
        Stacks with a higher PSNR than with the initial weights.
    gain_error_db : float
        Standard error of the mean gain in PSNR.
    unseen : bool
        False if there were too few images for a test set: the stacks were then rendered from the
        validation set, which selected the weights.
    samples : mapping of str to ndarray of shape (Y, X)
        Images of one stack, 0 to 1: "truth", "initial", "result".
    """

    initial_name: str
    initial: Mapping[str, float]
    trained: Mapping[str, float]
    stacks: int
    better: int
    gain_error_db: float
    unseen: bool
    samples: Mapping[str, GreyImage]

    @property
    def gain_db(self) -> float:
        """Gain in PSNR, in dB; negative if the result is worse."""
        return self.trained["psnr"] - self.initial["psnr"]

    @property
    def verdict(self) -> Verdict:
        """Whether the result is significantly better or worse.

        "unclear" if the gain in PSNR is within two standard errors.
        """
        if abs(self.gain_db) <= 2 * self.gain_error_db:
            return "unclear"
        return "better" if self.gain_db > 0 else "worse"

    def as_dict(self) -> dict[str, Any]:
        """Return all but the images as JSON values, under the keys of headers of weights."""
        return {
            "baseline": self.initial_name,
            "before": dict(self.initial),
            "after": dict(self.trained),
            "stacks": self.stacks,
            "better": self.better,
            "gain_error_db": self.gain_error_db,
            "unseen": self.unseen,
        }


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """The network with the best weights of a training.

    Attributes
    ----------
    model : torch.nn.Module
        With the weights of the best validation, in evaluation mode, on the CPU.
    step : int
        Step of these weights.
    score : float
        Score of their validation; see `Validated`.
    metrics : mapping of str to float
        Metrics of their validation.
    start_metrics : mapping of str to float or None
        Metrics of the initial weights; None for an untrained network.
    reason : {"done", "no_gain", "not_finite", "stopped"}
        Why training ended: all steps were made, `patience` validations brought no gain, the loss
        was infinite or not a number (the last finite weights are kept), or it was stopped.
    steps_done : int
        Number of steps made.
    config : TrainingConfig
        Options of the training.
    data : mapping
        Training data: numbers of images and their sources.
    comparison : Comparison or None
        Comparison with the initial weights on a test set; None if not requested.
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
        """Whether training found better weights than the initial ones.

        They have to be better in validation and, where there is one, in the comparison.
        """
        return self.steps_done > 0 and (self.start_metrics is None or self.step > 0)

    def save(self, path: str | os.PathLike[str], **about: Any) -> Path:
        """Save the weights as .safetensors, with config, data and scores in the header.

        Parameters
        ----------
        path : path
            A file that ends in .safetensors.
        **about
            Further entries of the header, of JSON values.

        Returns
        -------
        pathlib.Path
            The file, absolute.

        Raises
        ------
        CheckpointError, OSError
            If the file cannot be written.
        """
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
