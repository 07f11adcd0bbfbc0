"""Choice of the focus measure of a config, for planes that arrive one after the other."""

from collections.abc import Generator
from typing import Any, Protocol

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure._classical import CLASSICAL
from napari_umis_fusion.focus_measure._planewise import (
    NetworkMeasure,
    PlaneMeasure,
    TiledMeasure,
)
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import FloatMap, Workers
from napari_umis_fusion.stack import Plane


class StackMeasure(Protocol):
    """Measures the focus of planes that arrive one after the other.

    Attributes
    ----------
    delay_planes : int
        Number of planes that must follow a plane before its focus is known, except at the end of
        the stack.
    is_share : bool
        Whether focus compares only the planes of one pixel, like a probability along z; otherwise
        it is an amount of contrast, comparable between pixels.
    """

    delay_planes: int
    is_share: bool

    def iter_add(self, grey: FloatMap, plane: Plane) -> Generator[None]:
        """Add the next plane with its grey levels; neither may change until its focus is filled."""
        ...

    def iter_end(self) -> Generator[None]:
        """Finish: no plane follows."""
        ...

    def iter_fill(self, focus: FloatMap) -> Generator[None, None, FloatMap]:
        """Fill `focus` (Y, X) with the focus map of the oldest plane not yet returned.

        Returns
        -------
        ndarray of shape (Y, X), float32
            The focus with which the weighted blend weights the plane; may be `focus` itself.
        """
        ...

    @property
    def notes(self) -> list[str]:
        """Notes for the user, such as a fallback to the CPU."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Return what identifies this measure besides the config, such as its weights."""
        ...


class PerPlaneMeasure:
    """Adapter from a measure of single planes to a `StackMeasure`."""

    delay_planes = 0
    is_share = False

    def __init__(self, measure: PlaneMeasure) -> None:
        self._measure = measure
        self._next: tuple[FloatMap, Plane] | None = None

    def iter_add(self, grey: FloatMap, plane: Plane) -> Generator[None]:
        """Add the next plane."""
        self._next = grey, plane
        yield

    def iter_end(self) -> Generator[None]:
        """Do nothing: the focus of each plane is known at once."""
        yield

    def iter_fill(self, focus: FloatMap) -> Generator[None, None, FloatMap]:
        """Measure the plane added last."""
        assert self._next is not None
        yield from self._measure.iter_fill(*self._next, focus)
        self._next = None
        return focus

    @property
    def notes(self) -> list[str]:
        """Notes of the measure."""
        return self._measure.notes

    def provenance(self) -> dict[str, Any]:
        """Return what identifies the measure besides the config."""
        return self._measure.provenance()


def choose_measure(config: FusionConfig, workers: Workers, to_grey: GreyConverter) -> StackMeasure:
    """Create the focus measure of a config; raises as `open_checkpoint` and `choose_device`."""
    # The networks are imported here, since torch takes seconds that classical measures need not.
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
