"""Focus measures that look at one plane at a time."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.config import ChannelRule, FusionConfig
from napari_umis_fusion.focus_measure._classical import ClassicalFocusMeasure
from napari_umis_fusion.preprocess import REACH_PX, median_5x5, reference_unit_grey
from napari_umis_fusion.runtime import Tile, Workers, tiles_of, with_halo
from napari_umis_fusion.stack import Plane

if TYPE_CHECKING:
    from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure

Map = NDArray[np.float32]


class PlaneMeasure(Protocol):
    """Measures the focus of a whole plane."""

    def iter_fill(self, grey: Map, plane: Plane, focus: Map) -> Generator[None]:
        """Fill `focus`, yielding while it works.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            In grey levels, about 0 to 255.
        plane : ndarray of shape (Y, X) or (Y, X, C)
            As recorded, for measures with a grey of their own.
        focus : ndarray of shape (Y, X), float32
            Where to put the focus map.
        """
        ...

    @property
    def notes(self) -> list[str]:
        """What a user should know."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Return what tells this measure from others of its name."""
        ...


class TiledMeasure:
    """A classical measure, run on tiles by threads."""

    def __init__(
        self, measure: ClassicalFocusMeasure, workers: Workers, config: FusionConfig
    ) -> None:
        self._measure = measure
        self._workers = workers
        self._config = config
        self.notes: list[str] = []

    def iter_fill(self, grey: Map, plane: Plane, focus: Map) -> Generator[None]:
        """Fill `focus` tile by tile; equal to the whole to the last bit."""
        if self._config.median_filter:
            grey = yield from iter_median(grey, self._workers, self._config.tile_px)

        def fill(tile: Tile) -> None:
            focus[tile.window] = self._measure(with_halo(grey, tile, self._measure.halo_px))

        yield from self._workers.each(fill, tiles_of(grey, self._config.tile_px))

    def provenance(self) -> dict[str, Any]:
        """Return nothing: the config tells it all."""
        return {}


class NetworkMeasure:
    """The UMIS network; it needs whole planes."""

    def __init__(self, measure: "UmisFocusMeasure", workers: Workers, config: FusionConfig) -> None:
        self._measure = measure
        self._workers = workers
        self._config = config

    @property
    def notes(self) -> list[str]:
        """What was changed for want of memory."""
        return self._measure.notes

    def iter_fill(self, grey: Map, plane: Plane, focus: Map) -> Generator[None]:
        """Fill `focus` from the network's features."""
        job = self._workers.submit(_unit_grey, plane, grey, self._config.channel)
        unit = yield from self._workers.result(job)
        if self._config.median_filter:
            unit = yield from iter_median(unit, self._workers, self._config.tile_px)
        focus[...] = yield from self._measure.iter_focus_map(unit)

    def provenance(self) -> dict[str, Any]:
        """Return the weights and where they ran."""
        checkpoint = self._measure.checkpoint
        weights = {} if checkpoint is None else {"weights_sha256": checkpoint.sha256}
        return {"device": self._measure.device.type, **weights}


def _unit_grey(plane: Plane, grey: Map, channel: ChannelRule | int) -> Map:
    """Return grey in 0 to 1, as the reference method makes it where it has a rule."""
    unit = reference_unit_grey(plane, channel)
    return np.clip(grey / np.float32(255), 0, 1) if unit is None else unit


def iter_median(image: Map, workers: Workers, tile_px: int) -> Generator[None, None, Map]:
    """Smooth a plane with a 5 x 5 median, yielding while threads work."""
    smoothed = np.empty_like(image)

    def fill(tile: Tile) -> None:
        smoothed[tile.window] = median_5x5(with_halo(image, tile, REACH_PX))

    yield from workers.each(fill, tiles_of(image, tile_px))
    return smoothed
