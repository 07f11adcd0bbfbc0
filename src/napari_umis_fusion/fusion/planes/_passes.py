"""Passes over the planes that a config needs.

The first pass measures focus and decides. If the decision map is filtered, or copied values depend
on the mean of all planes, the image is made in a second pass, so that it belongs to the maps.
"""

from dataclasses import dataclass
from typing import Literal

from napari_umis_fusion.config import FusionConfig

Statistic = Literal["mode", "median"]
SecondPass = Literal["none", "copy_filtered", "copy_nearest", "average"]

FILTERS: dict[str, Statistic] = {"mode": "mode", "fuzzy": "median"}
"""Verifications that filter the decision map once it is complete."""

RANKING_MEASURES = ("learned",)
"""Focus measures that compare only the planes of one pixel."""


@dataclass(frozen=True, slots=True)
class Passes:
    """The passes of a fusion.

    Attributes
    ----------
    averages : bool
        Whether the first pass, which measures, decides and copies, also computes the weighted mean.
    statistic : {"mode", "median"} or None
        Filter of the decision map between the passes; None: the decision map is the index map.
    second : {"none", "copy_filtered", "copy_nearest", "average"}
        The second pass: copy the pixels that the filter changed, from the planes of the filtered
        map; copy each pixel from the plane nearest to the mean, out of all planes, which are read
        once more if edges are to be mended; or measure all planes again and average them around
        the filtered map.
    copies : bool
        Whether every value of the image is a recorded one, whose plane is in the source map.
    referees : bool
        Whether a pass before the first finds out what moves.
    """

    averages: bool
    statistic: Statistic | None
    second: SecondPass
    copies: bool
    referees: bool = False

    @property
    def reads_twice(self) -> bool:
        """Whether there is a second pass."""
        return self.second != "none"


def passes_of(config: FusionConfig, planes: int) -> Passes:
    """Return the passes that a config needs for a number of planes."""
    copies = config.blend == "select"
    # A single plane is copied: there is nothing to average or to filter.
    if planes == 1:
        return Passes(averages=False, statistic=None, second="none", copies=copies)
    referees = config.moving == "reject"
    statistic = FILTERS.get(config.verification)
    if statistic is not None:
        second: SecondPass = "copy_filtered" if copies else "average"
        return Passes(
            averages=False, statistic=statistic, second=second, copies=copies, referees=referees
        )
    copies_nearest = (
        copies and config.verification == "seams" and config.focus_measure in RANKING_MEASURES
    )
    second = "copy_nearest" if copies_nearest else "none"
    averages = copies_nearest or not copies
    return Passes(
        averages=averages, statistic=None, second=second, copies=copies, referees=referees
    )
