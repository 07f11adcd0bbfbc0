"""Events of a session, in addition to those of its training."""

from dataclasses import dataclass

from napari_umis_fusion.training._events import TrainingEvent
from napari_umis_fusion.training._loss_curve import LossCurve
from napari_umis_fusion.training.data import DataReport


@dataclass(frozen=True, slots=True, eq=False)
class CurveRestored:
    """Losses and validations so far of a resumed training; yielded before `TrainingStarted`.

    Attributes
    ----------
    curve : LossCurve
        A copy, which the receiver may change.
    """

    curve: LossCurve


@dataclass(frozen=True, slots=True)
class DataChecked:
    """The data of a new training was checked; yielded before `TrainingStarted`."""

    report: DataReport


SessionEvent = TrainingEvent | CurveRestored | DataChecked
