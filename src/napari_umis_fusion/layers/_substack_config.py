"""Which planes a sub-stack takes around the plane in focus."""

from dataclasses import dataclass, field
from typing import Literal

from napari_umis_fusion.runtime import ConfigBase, choice, number

Follow = Literal["smooth", "each", "median"]


@dataclass(frozen=True, slots=True)
class SubstackConfig(ConfigBase):
    """How many planes are taken, and how they follow the focus over time.

    Default, unit, bounds and help of each field stand in its metadata.

    Raises
    ------
    ConfigError
        For a value outside its choices or bounds.
    """

    around: int = field(
        default=2,
        metadata=number(
            "Planes taken before the plane in focus, and as many after it.",
            "",
            0,
            32767,
            label="planes around",
        ),
    )
    follow: Follow = field(
        default="smooth",
        metadata=choice(
            Follow,
            "How planes follow the focus over time. 'smooth' takes a spline through the planes in "
            "focus, which does not jump and leaves outliers aside, 'each' the plane in focus of "
            "every time point, 'median' one plane for all.",
        ),
    )
    smooth_over: int = field(
        default=15,
        metadata=number(
            "Time points over which 'smooth' smooths: faster changes of focus are not followed.",
            "",
            2,
            9999,
            label="time points",
            used_when=("follow", ("smooth",)),
        ),
    )
