"""Options of autofocus by software."""

from dataclasses import dataclass, field
from typing import Literal

from napari_umis_fusion.runtime import ConfigBase, choice, number

AutofocusMeasure = Literal[
    "laplacian",
    "laplacian_variance",
    "sum_modified_laplacian",
    "tenengrad",
    "brenner",
    "spatial_frequency",
    "vollath",
    "normalised_variance",
    "entropy",
]
AutofocusSearch = Literal["sweep", "ternary", "brent", "parabola"]


@dataclass(frozen=True, slots=True)
class AutofocusConfig(ConfigBase):
    """Options of autofocus by software.

    Default, unit, bounds and help of each field are in its metadata.

    Raises
    ------
    ConfigError
        If a value is not among its choices or within its bounds.
    """

    measure: AutofocusMeasure = field(
        default="laplacian",
        metadata=choice(AutofocusMeasure, "How the focus of a picture is measured."),
    )
    search: AutofocusSearch = field(
        default="ternary",
        metadata=choice(
            AutofocusSearch,
            "How the best height is searched for: sweep spends most pictures on the whole range, "
            "evenly; the others look at a few heights of it and close in on the best.",
        ),
    )
    range_um: float = field(
        default=50.0,
        metadata=number(
            "Heights that are searched, around where the stage is.", "µm", 0.01, 1e5, label="range"
        ),
    )
    tolerance_um: float = field(
        default=0.5,
        metadata=number(
            "The search ends when focus is known to lie within this.",
            "µm",
            0.001,
            1e4,
            label="tolerance",
        ),
    )
    most_frames: int = field(
        default=30, metadata=number("Most pictures that a search may take.", "", 15, 1000)
    )
    time_limit_s: float = field(
        default=30.0,
        metadata=number(
            "After this time the search is given up, and the stage moves back.",
            "s",
            0.1,
            3600.0,
            label="time limit",
        ),
    )
    exposure_ms: float = field(
        default=0.0,
        metadata=number(
            "Exposure of the pictures of the search; 0 leaves the camera's.",
            "ms",
            0.0,
            60000.0,
            label="exposure",
        ),
    )
    settle_ms: float = field(
        default=0.0,
        metadata=number(
            "Additional wait after the stage says that it has arrived.",
            "ms",
            0.0,
            10000.0,
            label="settling",
        ),
    )
    backlash_um: float = field(
        default=0.0,
        metadata=number(
            "Each height is approached from this far below, so that backlash of the stage is the "
            "same for all; 0 moves straight there.",
            "µm",
            0.0,
            1000.0,
            label="backlash",
        ),
    )
