"""Rendered stacks of a step, as tensors."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_umis_fusion.network import ComparedPlanes, Scores
from napari_umis_fusion.preprocess import percentile_limits
from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic import TrainingStack

MIN_CONTRAST = 0.02
"""Lower bound of the contrast, so that the noise of flat planes is not amplified."""

TENSORS = ("planes", "steady", "clean", "truth", "contrast")
"""Fields of a batch that are tensors."""


@dataclass(frozen=True, slots=True, eq=False)
class StackBatch:
    """Rendered stacks with the same number of planes.

    Attributes
    ----------
    planes, steady, clean : Tensor of shape (N, Z, Y, X)
        See `TrainingStack`.
    truth : Tensor of shape (N, Y, X)
        The sharp images.
    contrast : Tensor of shape (N,)
        Divisor of the input of the network.
    backwards : bool
        The initial network sees the stacks reversed.
    compared : ComparedPlanes or None
        What the trained layers take, if others are fixed and were computed already.
    initial : Scores or None
        Scores of the initial weights, if they are needed and were computed already.
    """

    planes: Tensor
    steady: Tensor
    clean: Tensor
    truth: Tensor
    contrast: Tensor
    backwards: bool = False
    compared: ComparedPlanes | None = None
    initial: Scores | None = None

    def to(self, device: torch.device) -> "StackBatch":
        """Copy to a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in TENSORS})


def collate(stacks: list[TrainingStack], log_gain: NDArray[np.float64]) -> StackBatch:
    """Stack the examples of a batch; the input of each is scaled by `exp(-log_gain)`."""
    parts = zip(*((s.planes, s.steady, s.clean, s.all_in_focus) for s in stacks), strict=True)
    planes, steady, clean, truth = (torch.from_numpy(np.stack(part)) for part in parts)
    spans = (_contrast(s.planes[s.middle]) for s in stacks)
    contrast = [span * np.exp(g) for span, g in zip(spans, log_gain, strict=True)]
    return StackBatch(planes, steady, clean, truth, torch.tensor(contrast, dtype=torch.float32))


def network_input(batch: StackBatch) -> Tensor:
    """Return the planes as the network sees them, (N, Z, Y, X)."""
    return batch.planes / batch.contrast[:, None, None, None]


def _contrast(plane: Float32Array) -> float:
    """Return the span of a plane, by the same percentiles as in a fusion."""
    low, high = percentile_limits(plane)
    return max(high - low, MIN_CONTRAST)
