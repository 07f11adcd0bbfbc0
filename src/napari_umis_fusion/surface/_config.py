"""How a surface is prepared before it is measured."""

from dataclasses import dataclass, field
from typing import Literal

from napari_umis_fusion.runtime import ConfigBase, choice, number

Form = Literal[
    "none", "plane", "polynomial 2", "polynomial 3", "polynomial 4", "sphere", "cylinder"
]
Top = Literal["first", "last"]

LONGEST_UM = 1e6


@dataclass(frozen=True, slots=True)
class SurfaceConfig(ConfigBase):
    """Which side of a stack is up, which form is removed, and which wavelengths count.

    Default, unit, bounds and help of each field stand in its metadata.

    Raises
    ------
    ConfigError
        For a value outside its choices or bounds.
    """

    top: Top = field(
        default="first",
        metadata=choice(
            Top,
            "Which plane of the stack lies highest. It decides what is a peak and what a valley.",
        ),
    )
    form: Form = field(
        default="plane",
        metadata=choice(
            Form,
            "Form that is fitted by least squares and subtracted (F-operation of ISO 25178-2): "
            "tilt ('plane'), a polynomial of this degree, a 'sphere' or a 'cylinder'.",
        ),
    )
    s_cutoff_um: float = field(
        default=0.0,
        metadata=number(
            "Shortest wavelength that counts: a Gaussian low-pass (S-filter, ISO 16610-61) "
            "removes shorter ones, noise among them. 0 removes none.",
            "µm",
            0.0,
            LONGEST_UM,
            label="S-filter",
        ),
    )
    l_cutoff_um: float = field(
        default=0.0,
        metadata=number(
            "Longest wavelength that counts: a Gaussian high-pass (L-filter, ISO 16610-61) "
            "removes longer ones, waviness. 0 removes none.",
            "µm",
            0.0,
            LONGEST_UM,
            label="L-filter",
        ),
    )
