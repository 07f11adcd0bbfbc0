"""Distributions of the rendered stacks: all kinds, or those similar to the user's specimens."""

from typing import Any

from napari_umis_fusion.synthetic import Imperfections, StackDistribution
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._options import Specimen

KINDS: dict[Specimen, tuple[str, ...]] = {
    "any": ("opaque", "fluorescence", "brightfield", "smears"),
    "opaque": ("opaque",),
    "fluorescence": ("fluorescence",),
    "transmitted": ("brightfield", "smears"),
}
"""Kinds of scenes in `StackDistribution` for each specimen."""

DISTURBANCES = ("noise_share", "drift_share", "flicker_share", "jitter_share", "jpeg_share")
"""Shares in `StackDistribution` that `TrainingConfig.augmentation` scales."""

PLANES_RANGE = (0.7, 1.3)
"""Range of the number of planes, relative to `TrainingConfig.planes`."""


_COMMON = (*KINDS["any"], "planes", "size_px", "imperfections")
"""Fields in which training and validation are alike."""


def validation_distribution(config: TrainingConfig, size_px: int) -> StackDistribution:
    """Return the distribution of the stacks that validation and comparison render.

    Parameters
    ----------
    config : TrainingConfig
        Only `specimen`, `planes` and `imperfections` are used.
    size_px : int
        Side of a stack.
    """
    options: dict[str, Any] = dict.fromkeys(KINDS["any"], 0.0)
    usual = StackDistribution(size_px=size_px)
    options |= {kind: getattr(usual, kind) for kind in KINDS[config.specimen]}
    if config.planes:
        low, high = (round(share * config.planes) for share in PLANES_RANGE)
        options["planes"] = (max(2, low), max(2, high))
    if config.imperfections:
        options["imperfections"] = Imperfections().scaled(config.imperfections)
    return StackDistribution(size_px=size_px, **options)


def training_distribution(config: TrainingConfig) -> StackDistribution:
    """Return the same distribution with disturbances scaled by `augmentation`."""
    like = validation_distribution(config, config.patch_px)
    rarer = {name: config.augmentation * getattr(like, name) for name in DISTURBANCES}
    options = {name: getattr(like, name) for name in _COMMON}
    return StackDistribution(**{**options, **rarer})
