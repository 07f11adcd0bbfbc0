"""How much memory a training will need, before it begins."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from napari_umis_fusion.training._config import ObjectiveName, TrainingConfig

if TYPE_CHECKING:
    import torch

BYTES_PER_PIXEL: dict[ObjectiveName, int] = {"select": 575, "reconstruct": 5800}
"""Of a batch, in float32: what is kept of a step to compute its gradient. Measured as the growth
of the process's peak from batches of one size to batches of another."""

BFLOAT16_SHARE: dict[ObjectiveName, float] = {"select": 1.0, "reconstruct": 0.65}
"""Of that, measured in bfloat16; the plane ranker computes its large layers in float32 anyway."""

FIXED_MB: dict[ObjectiveName, int] = {"select": 160, "reconstruct": 95}
"""Weights, optimiser, batches made ahead and torch's own."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Memory that a training takes, and what there is.

    Attributes
    ----------
    needed_mb : int
        On the device, on top of what the program has already.
    free_mb : int or None
        Of the device, now; None where it does not tell.
    device : str
        Where.
    """

    needed_mb: int
    free_mb: int | None
    device: str

    @property
    def is_enough(self) -> bool:
        """Whether what is free covers the need."""
        return self.free_mb is None or self.needed_mb <= self.free_mb


def estimate_memory(config: TrainingConfig, images_px: int = 0) -> MemoryNeed:
    """Estimate the memory that a training takes.

    Parameters
    ----------
    config : TrainingConfig
        How to train.
    images_px : int
        Pixels of all images, which are kept as float32 in the main memory.

    Returns
    -------
    MemoryNeed
        Of the device that the config asks for.

    Raises
    ------
    DeviceError
        If it is absent.
    """
    from napari_umis_fusion.network import choose_device
    from napari_umis_fusion.training.loop._trainer import choose_precision

    device = choose_device(config.device)
    objective = config.objective
    pixels = config.batch * config.patch_px**2
    if objective == "reconstruct":
        pixels = config.batch * config.width_px * config.height_px
    share = 1.0
    if choose_precision(config.precision, device) == "bfloat16":
        share = BFLOAT16_SHARE[objective]
    needed = pixels * BYTES_PER_PIXEL[objective] * share / 1e6 + FIXED_MB[objective]
    if device.type == "cpu":
        needed += 4 * images_px / 1e6
    return MemoryNeed(round(needed), free_memory_mb(device), device.type)


def free_memory_mb(device: "torch.device") -> int | None:
    """Return what is free on a device; None where it does not tell."""
    if device.type == "cpu":
        return int(psutil.virtual_memory().available / 1e6)
    if device.type == "cuda":
        import torch

        return round(torch.cuda.mem_get_info(device)[0] / 1e6)
    return None


def used_memory_mb(device: str) -> int:
    """Return what this program takes up on a device now: the main memory, for the CPU."""
    if device == "cpu":
        return int(psutil.Process().memory_info().rss / 1e6)
    import torch

    if device == "cuda":
        return round(torch.cuda.memory_reserved() / 1e6)
    return round(torch.mps.driver_allocated_memory() / 1e6)
