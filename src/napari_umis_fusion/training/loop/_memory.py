"""Estimate the memory of a training before it starts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._options import ObjectiveName

if TYPE_CHECKING:
    import torch

BYTES_PER_PIXEL: dict[ObjectiveName, int] = {"select": 575, "reconstruct": 5800}
"""Bytes per pixel of a batch in float32, kept to compute the gradient. Measured as the growth of
the peak memory between two batch sizes."""

LATE_BYTES_PER_PIXEL = 850
"""The same where only the late layers are trained: the features of prefetched batches count."""

BFLOAT16_SHARE: dict[ObjectiveName, float] = {"select": 1.0, "reconstruct": 0.65}
"""Share of it in bfloat16, measured; the plane ranker computes its large layers in float32."""

FIXED_MB: dict[ObjectiveName, int] = {"select": 450, "reconstruct": 95}
"""Weights, optimiser, rendered scenes and stacks that are kept, and torch itself."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Memory that a training needs, and memory that is free.

    Attributes
    ----------
    needed_mb : int
        On the device, in addition to what the program already uses.
    free_mb : int or None
        Free memory of the device; None if unknown.
    device : str
        Type of the device.
    """

    needed_mb: int
    free_mb: int | None
    device: str

    @property
    def is_enough(self) -> bool:
        """Whether the free memory is enough, or unknown."""
        return self.free_mb is None or self.needed_mb <= self.free_mb


def estimate_memory(config: TrainingConfig, images_px: int = 0) -> MemoryNeed:
    """Estimate the memory that a training needs.

    Parameters
    ----------
    config : TrainingConfig
        Options of the training.
    images_px : int
        Pixels of all images, which are kept as float32 in main memory.

    Returns
    -------
    MemoryNeed
        For the device of the config.

    Raises
    ------
    DeviceError
        If that device does not exist.
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
    late = objective == "select" and config.layers == "late"
    per_pixel = LATE_BYTES_PER_PIXEL if late else BYTES_PER_PIXEL[objective]
    needed = pixels * per_pixel * share / 1e6 + FIXED_MB[objective]
    if device.type == "cpu":
        # images stay in main memory, which on the CPU is that of the network, too
        needed += 4 * images_px / 1e6
    return MemoryNeed(round(needed), free_memory_mb(device), device.type)


def free_memory_mb(device: "torch.device") -> int | None:
    """Return the free memory of a device; None if unknown."""
    if device.type == "cpu":
        return int(psutil.virtual_memory().available / 1e6)
    from napari_umis_fusion.network import free_device_bytes

    free = free_device_bytes(device)
    return None if free is None else round(free / 1e6)


def used_memory_mb(device: str) -> int:
    """Return the memory of this program on a device; for the CPU, in main memory."""
    if device == "cpu":
        return int(psutil.Process().memory_info().rss / 1e6)
    import torch

    if device == "cuda":
        return round(torch.cuda.memory_reserved() / 1e6)
    return round(torch.mps.driver_allocated_memory() / 1e6)
