"""Planes of larger pixels than those around, as of a camera whose binning was another one.

Every square has edges that no focus drew, and a focus measure takes them for detail.
"""

from collections.abc import Sequence

from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics

Side = Sequence[PlaneStatistics]


def is_in_squares(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether a plane consists of squares of one value, larger than those of planes around.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    """
    around = [*before[-1:], *after[:1]] if before and after else [*before[-2:], *after[:2]]
    return bool(around) and all(one.square_px < plane.square_px for one in around)
