"""From a config to the focus measure that it asks for, as fusion uses it: plane after plane."""

from collections.abc import Generator
from typing import Any, Protocol

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure._classical import CLASSICAL
from napari_umis_fusion.focus_measure._planewise import (
    Map,
    NetworkMeasure,
    PlaneMeasure,
    TiledMeasure,
)
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.stack import Plane


class StackMeasure(Protocol):
    """Measures the focus of planes that arrive one after the other.

    Attributes
    ----------
    lag : int
        How many planes must follow a plane before its focus is known, unless it is among the
        last.
    is_share : bool
        Whether focus is a share of belief, comparable between the planes of a pixel only; else
        it is an amount of contrast.
    """

    lag: int
    is_share: bool

    def iter_add(self, grey: Map, plane: Plane) -> Generator[None]:
        """Take the next plane, and its grey levels; both stay as they are while it is needed."""
        ...

    def iter_end(self) -> Generator[None]:
        """Learn that no plane follows."""
        ...

    def iter_fill(self, focus: Map) -> Generator[None, None, Map]:
        """Fill `focus` (Y, X) with the oldest plane's not yet told.

        Returns
        -------
        ndarray of shape (Y, X), float32
            The focus by which the weighted blend weighs the plane; may be `focus` itself.
        """
        ...

    @property
    def notes(self) -> list[str]:
        """What a user should know."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Return what tells this measure from others of its name."""
        ...


class PerPlaneMeasure:
    """Fits a measure that looks at one plane at a time into a stack."""

    lag = 0
    is_share = False

    def __init__(self, measure: PlaneMeasure) -> None:
        self._measure = measure
        self._next: tuple[Map, Plane] | None = None

    def iter_add(self, grey: Map, plane: Plane) -> Generator[None]:
        """Take the next plane."""
        self._next = grey, plane
        yield

    def iter_end(self) -> Generator[None]:
        """Nothing is left to do."""
        yield

    def iter_fill(self, focus: Map) -> Generator[None, None, Map]:
        """Measure the plane taken last."""
        assert self._next is not None
        yield from self._measure.iter_fill(*self._next, focus)
        self._next = None
        return focus

    @property
    def notes(self) -> list[str]:
        """What the measure has to say."""
        return self._measure.notes

    def provenance(self) -> dict[str, Any]:
        """Return what tells the measure from others."""
        return self._measure.provenance()


def choose_measure(config: FusionConfig, workers: Workers, to_grey: GreyConverter) -> StackMeasure:
    """Make the focus measure of a config; raises what loading of a checkpoint raises."""
    if config.focus_measure == "learned":
        from napari_umis_fusion.focus_measure._learned import LearnedFocusMeasure

        return LearnedFocusMeasure(config.checkpoint, config, to_grey.span(), workers)
    if config.focus_measure == "umis":
        from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure

        umis = UmisFocusMeasure(config.checkpoint, config.device)
        return PerPlaneMeasure(NetworkMeasure(umis, workers, config))
    maker = CLASSICAL[config.focus_measure]
    measure = maker(config.detail_sigma_px, config.window_sigma_px)
    return PerPlaneMeasure(TiledMeasure(measure, workers, config))
