"""How a stack is projected around a surface."""

from dataclasses import dataclass, field
from typing import Literal

from napari_umis_fusion.runtime import ConfigBase, choice, number

Method = Literal["max", "mean", "median", "edf"]
Smoothing = Literal["gaussian", "edges"]

FARTHEST_UM = 1e6


@dataclass(frozen=True, slots=True)
class AroundConfig(ConfigBase):
    """Which slab around a surface is projected, and how.

    Default, unit, bounds and help of each field stand in its metadata.

    Raises
    ------
    ConfigError
        For a value outside its choices or bounds.
    """

    method: Method = field(
        default="max",
        metadata=choice(
            Method,
            "What is made of the planes in the slab: the highest value ('max'), the mean, the "
            "median, or what is in focus, found by a fusion ('edf').",
        ),
    )
    offset_um: float = field(
        default=0.0,
        metadata=number(
            "From the surface to the middle of the slab; positive towards later planes.",
            "µm",
            -FARTHEST_UM,
            FARTHEST_UM,
            label="offset",
        ),
    )
    thickness_um: float = field(
        default=0.0,
        metadata=number(
            "Thickness of the slab. 0 takes the plane that is nearest to the surface.",
            "µm",
            0.0,
            FARTHEST_UM,
            label="thickness",
        ),
    )
    smooth_um: float = field(
        default=0.0,
        metadata=number(
            "Length over which the surface is smoothed first, the standard deviation of a "
            "Gaussian. 0 does not smooth.",
            "µm",
            0.0,
            FARTHEST_UM,
            label="smooth over",
        ),
    )
    smoothing: Smoothing = field(
        default="gaussian",
        metadata=choice(
            Smoothing,
            "How the surface is smoothed: everywhere ('gaussian'), or so that steps higher than "
            "the distance between planes stay ('edges').",
        ),
    )
