"""Focus measures of single planes: classical ones by tiles, the UMIS network as a whole."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_umis_fusion.config import ChannelRule, FusionConfig
from napari_umis_fusion.focus_measure._classical import ClassicalFocusMeasure
from napari_umis_fusion.preprocess import REACH_PX, median_5x5, reference_unit_grey
from napari_umis_fusion.runtime import FloatMap, Tile, Workers, tiles_of, with_halo
from napari_umis_fusion.stack import Plane

if TYPE_CHECKING:
    from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure


class PlaneMeasure(Protocol):
    """A focus measure of whole single planes."""

    def iter_fill(self, grey: FloatMap, plane: Plane, focus: FloatMap) -> Generator[None]:
        """Fill `focus`, yielding while threads work.

        Parameters
        ----------
        grey : ndarray of shape (Y, X), float32
            In grey levels, about 0 to 255.
        plane : ndarray of shape (Y, X) or (Y, X, C)
            As recorded, for measures that define their own conversion to grey.
        focus : ndarray of shape (Y, X), float32
            Output: the focus map.
        """
        ...

    @property
    def notes(self) -> list[str]:
        """Notes for the user."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Return what identifies this measure besides the config."""
        ...


class TiledMeasure:
    """A classical measure, computed tile by tile on threads."""

    def __init__(
        self, measure: ClassicalFocusMeasure, workers: Workers, config: FusionConfig
    ) -> None:
        self._measure = measure
        self._workers = workers
        self._config = config
        self.notes: list[str] = []

    def iter_fill(self, grey: FloatMap, plane: Plane, focus: FloatMap) -> Generator[None]:
        """Fill `focus` tile by tile; the result equals that of the whole plane to the last bit."""
        if self._config.median_filter:
            grey = yield from iter_median(grey, self._workers, self._config.tile_px)

        def fill(tile: Tile) -> None:
            focus[tile.window] = self._measure(with_halo(grey, tile, self._measure.halo_px))

        yield from self._workers.each(fill, tiles_of(grey, self._config.tile_px))

    def provenance(self) -> dict[str, Any]:
        """Return an empty dict: the config identifies the measure."""
        return {}


class NetworkMeasure:
    """The UMIS network, which needs whole planes: its channel attention averages over the plane."""

    def __init__(self, measure: "UmisFocusMeasure", workers: Workers, config: FusionConfig) -> None:
        self._measure = measure
        self._workers = workers
        self._config = config

    @property
    def notes(self) -> list[str]:
        """Notes for the user on what was changed because memory ran out."""
        return self._measure.notes

    def iter_fill(self, grey: FloatMap, plane: Plane, focus: FloatMap) -> Generator[None]:
        """Fill `focus` from the network's features."""
        job = self._workers.submit(_unit_grey, plane, grey, self._config.channel)
        unit = yield from self._workers.result(job)
        if self._config.median_filter:
            unit = yield from iter_median(unit, self._workers, self._config.tile_px)
        focus[...] = yield from self._measure.iter_focus_map(unit)

    def provenance(self) -> dict[str, Any]:
        """Return the hash of the weights, and the device."""
        checkpoint = self._measure.checkpoint
        weights = {} if checkpoint is None else {"weights_sha256": checkpoint.sha256}
        return {"device": self._measure.device.type, **weights}


def _unit_grey(plane: Plane, grey: FloatMap, channel: ChannelRule | int) -> FloatMap:
    """Return grey in 0 to 1, as the published method computes it if it is defined there."""
    unit = reference_unit_grey(plane, channel)
    # Clipped, since outliers are outside the grey range.
    return np.clip(grey / np.float32(255), 0, 1) if unit is None else unit


def iter_median(image: FloatMap, workers: Workers, tile_px: int) -> Generator[None, None, FloatMap]:
    """Smooth a plane with a 5 x 5 median, yielding while threads work."""
    smoothed = np.empty_like(image)

    def fill(tile: Tile) -> None:
        smoothed[tile.window] = median_5x5(with_halo(image, tile, REACH_PX))

    yield from workers.each(fill, tiles_of(image, tile_px))
    return smoothed
