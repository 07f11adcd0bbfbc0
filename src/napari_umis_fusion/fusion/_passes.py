"""Which passes over the planes a config needs.

The first pass measures and decides. Where the decision map is filtered, or values are copied by
the mean of all planes, the image is made in a second one, so that it always belongs to the maps.
"""

from dataclasses import dataclass
from typing import Literal

from napari_umis_fusion.config import FusionConfig

Statistic = Literal["mode", "median"]
SecondPass = Literal["none", "copy_filtered", "copy_nearest", "average"]

FILTERS: dict[str, Statistic] = {"mode": "mode", "fuzzy": "median"}
"""Verifications that filter the decision map once it is complete."""

RANKING_MEASURES = ("learned",)
"""Focus measures that compare the planes of a pixel, and say nothing of other pixels."""


@dataclass(frozen=True, slots=True)
class Passes:
    """What is done to the planes, pass by pass.

    Attributes
    ----------
    averages : bool
        Whether the first pass, which measures, decides and copies, sums the weighted mean too.
    statistic : {"mode", "median"} or None
        By what the decision map is filtered between the passes; None: it is the index map.
    second : {"none", "copy_filtered", "copy_nearest", "average"}
        Which planes are read again, and what for: those that a filtered pixel names, to copy
        it; all, to copy each pixel from the plane nearest to the mean; all, to measure them
        again and average them around the filtered map.
    copies : bool
        Whether every value of the image is one of those recorded, named by a source map.
    """

    averages: bool
    statistic: Statistic | None
    second: SecondPass
    copies: bool

    @property
    def reads_twice(self) -> bool:
        """Whether planes are read in a second pass."""
        return self.second != "none"


def passes_of(config: FusionConfig, planes: int) -> Passes:
    """Return the passes that it takes to fuse so many planes."""
    copies = config.blend == "select"
    if planes == 1:
        return Passes(averages=False, statistic=None, second="none", copies=copies)
    statistic = FILTERS.get(config.verification)
    if statistic is not None:
        second: SecondPass = "copy_filtered" if copies else "average"
        return Passes(averages=False, statistic=statistic, second=second, copies=copies)
    copies_nearest = (
        copies and config.verification == "seams" and config.focus_measure in RANKING_MEASURES
    )
    second = "copy_nearest" if copies_nearest else "none"
    averages = copies_nearest or not copies
    return Passes(averages=averages, statistic=None, second=second, copies=copies)
