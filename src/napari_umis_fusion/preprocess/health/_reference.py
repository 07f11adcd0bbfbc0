"""The plane that the range of grey is taken from: the middle one, if it is as most others are."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess.health._blank import blank_channels, is_blank
from napari_umis_fusion.preprocess.health._exposure import clipped_share, differs_in_light
from napari_umis_fusion.preprocess.health._judge import LOOK_AHEAD, MOSTLY_CLIPPED
from napari_umis_fusion.preprocess.health._place import MIN_COMB
from napari_umis_fusion.preprocess.health._plane_health import PlaneHealth
from napari_umis_fusion.preprocess.health._stand_in import StandInStack, WatchedStack
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics
from napari_umis_fusion.preprocess.health._torn import find_gaps
from napari_umis_fusion.stack import Stack

MIN_SPAN = 0.7
"""Of what the first planes span, below which the middle one is looked at more closely."""


def sound_reference(
    watched: WatchedStack,
    known: Sequence[PlaneStatistics],
    healths: Sequence[PlaneHealth] | None = None,
) -> Stack | None:
    """Return a stack whose middle plane is sound; None where it is as it stands.

    Planes around the middle one are read only if it differs from those that are known.

    Parameters
    ----------
    watched : WatchedStack
        Whose middle plane was looked at; if it was not, nobody needs it.
    known : sequence of PlaneStatistics
        Some planes of the stack.
    healths : sequence of PlaneHealth, optional
        Of all planes, where they have been judged.
    """
    middle = len(watched) // 2
    if healths is not None:
        return None if healths[middle].is_sound else StandInStack(watched.stack, healths)
    if middle not in watched.seen or not _is_odd(watched.seen[middle], known):
        return None
    around = range(max(0, middle - LOOK_AHEAD), min(len(watched), middle + LOOK_AHEAD + 1))
    healths = watched.judge(around)
    if all(one.is_sound for one in healths if one.z == middle):
        return None
    return StandInStack(watched.stack, healths)


def _is_faint(plane: PlaneStatistics, others: Sequence[PlaneStatistics]) -> bool:
    """Whether a plane spans much less than most others, as one of noise does."""
    spans = [float(one.span.max()) for one in others]
    return bool(spans) and float(plane.span.max()) < MIN_SPAN * float(np.median(spans))


def _is_odd(plane: PlaneStatistics, known: Sequence[PlaneStatistics]) -> bool:
    others = [one for one in known if one.z != plane.z and not is_blank(one)]
    sides = [others] if others else []
    return (
        is_blank(plane)
        or _is_faint(plane, others)
        or plane.comb > MIN_COMB
        or clipped_share(plane) > MOSTLY_CLIPPED
        or bool(blank_channels(plane, sides))
        or bool(find_gaps(plane, sides)[0])
        or any(differs_in_light(plane, one) for one in others)
    )
