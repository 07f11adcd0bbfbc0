"""What the passes of a fusion compose, of planes or of a block of them."""

from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.fusion.decision import IndexMap
from napari_umis_fusion.fusion.depth import FinalMaps
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.stack import Plane


@dataclass(frozen=True, slots=True)
class Composed:
    """The fusion of planes or of a block of them.

    Attributes
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The all-in-focus image.
    index_map, source_map : ndarray of shape (Y, X), uint16
        As in `FusionResult`.
    maps : FinalMaps
        The other maps.
    uncovered : float
        Share of pixels that no plane shows.
    origin : dict
        What identifies the measure, as JSON values.
    notes : tuple of str
        Notes of the measure.
    to_grey : GreyConverter
        Conversion of planes to grey.
    """

    image: Plane
    index_map: IndexMap
    source_map: IndexMap | None
    maps: FinalMaps
    uncovered: float
    origin: dict[str, Any]
    notes: tuple[str, ...]
    to_grey: GreyConverter
