"""What a session tells beside the events of its training."""

from dataclasses import dataclass

from napari_umis_fusion.training._events import TrainingEvent
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training.data import DataReport


@dataclass(frozen=True, slots=True, eq=False)
class CurveRestored:
    """A training goes on: losses and validations so far; comes before `TrainingStarted`.

    Attributes
    ----------
    curve : LossCurve
        The receiver's own.
    """

    curve: LossCurve


@dataclass(frozen=True, slots=True)
class DataChecked:
    """The data of a new training was looked at; comes before `TrainingStarted`."""

    report: DataReport


SessionEvent = TrainingEvent | CurveRestored | DataChecked
