"""The learning rate of a step."""

import math

from napari_umis_fusion.training._config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, total: int, steps_per_epoch: int) -> float:
    """Return the learning rate of update `step`, counted from 0, of `total`."""
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "exponential":
        return config.learning_rate * config.decay ** (step // steps_per_epoch)
    warmup = config.warmup_share * total
    if step < warmup:
        return config.learning_rate * (step + 1) / (math.floor(warmup) + 1)
    done = (step - warmup) / max(total - warmup, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
