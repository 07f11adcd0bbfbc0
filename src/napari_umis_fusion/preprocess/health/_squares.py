"""Planes of larger pixels than those around, as of a camera whose binning was another one.

Every square has edges that no focus drew, and a focus measure takes them for detail.
"""

from napari_umis_fusion.preprocess.health._neighbours import Side, nearest_two
from napari_umis_fusion.preprocess.health._statistics import PlaneStatistics


def is_in_squares(plane: PlaneStatistics, before: Side, after: Side) -> bool:
    """Whether a plane consists of squares of one value, larger than those of planes around.

    Parameters
    ----------
    plane : PlaneStatistics
        The plane.
    before, after : sequence of PlaneStatistics
        Planes on either side, in focal order.
    """
    around = nearest_two(before, after)
    return bool(around) and all(one.square_px < plane.square_px for one in around)
