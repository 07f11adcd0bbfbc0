"""Which stacks a training renders: all kinds, or those that are like the user's own."""

from typing import Any

from napari_umis_fusion.synthetic import StackDistribution
from napari_umis_fusion.training._config import Specimen, TrainingConfig

KINDS: dict[Specimen, tuple[str, ...]] = {
    "any": ("opaque", "fluorescence", "brightfield"),
    "opaque": ("opaque",),
    "fluorescence": ("fluorescence",),
    "transmitted": ("brightfield",),
}
"""Kinds of light in `StackDistribution` that each is made of."""

DISTURBANCES = ("noise_share", "drift_share", "flicker_share", "jitter_share", "jpeg_share")
"""What `TrainingConfig.augmentation` makes rarer."""

AROUND = (0.7, 1.3)
"""Planes of rendered stacks, as a share of those that are asked for."""


def validation_distribution(config: TrainingConfig, size_px: int) -> StackDistribution:
    """Return the distribution of the stacks that validation and comparison render.

    Parameters
    ----------
    config : TrainingConfig
        Of it, `specimen` and `planes`.
    size_px : int
        Side of a stack.
    """
    options: dict[str, Any] = dict.fromkeys(KINDS["any"], 0.0)
    usual = StackDistribution(size_px=size_px)
    options |= {kind: getattr(usual, kind) for kind in KINDS[config.specimen]}
    if config.planes:
        low, high = (round(share * config.planes) for share in AROUND)
        options["planes"] = (max(2, low), max(2, high))
    return StackDistribution(size_px=size_px, **options)


def training_distribution(config: TrainingConfig) -> StackDistribution:
    """Return the same with disturbances as rare as `augmentation` says."""
    like = validation_distribution(config, config.patch_px)
    rarer = {name: config.augmentation * getattr(like, name) for name in DISTURBANCES}
    options = {name: getattr(like, name) for name in (*KINDS["any"], "planes", "size_px")}
    return StackDistribution(**{**options, **rarer})
