"""The planes that the range of grey is taken from: the middle ones, if they are as others are."""

from collections.abc import Sequence

import numpy as np

from napari_umis_fusion.preprocess._grey import middle_planes
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
"""Of what the first planes span, below which a middle one is looked at more closely."""


def sound_reference(
    watched: WatchedStack,
    known: Sequence[PlaneStatistics],
    healths: Sequence[PlaneHealth] | None = None,
) -> Stack | None:
    """Return a stack whose middle planes are sound; None where they are as they stand.

    Planes around the middle are read only if it differs from those that are known.

    Parameters
    ----------
    watched : WatchedStack
        Whose middle planes were looked at; if they were not, nobody needs them.
    known : sequence of PlaneStatistics
        Some planes of the stack.
    healths : sequence of PlaneHealth, optional
        Of all planes, where they have been judged.
    """
    middle = middle_planes(len(watched))
    if healths is not None:
        are_sound = all(healths[z].is_sound for z in middle)
        return None if are_sound else StandInStack(watched.stack, healths)
    looked_at = [watched.seen[z] for z in middle if z in watched.seen]
    if not any(_is_odd(plane, known) for plane in looked_at):
        return None
    first, last = max(0, middle[0] - LOOK_AHEAD), min(len(watched), middle[-1] + LOOK_AHEAD + 1)
    healths = watched.judge(range(first, last))
    if all(one.is_sound for one in healths if one.z in middle):
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
