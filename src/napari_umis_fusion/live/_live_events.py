"""Events of a live fusion."""

from dataclasses import dataclass

from napari_umis_fusion.fusion import FusionResult, GrowingPicture
from napari_umis_fusion.live._field import Field
from napari_umis_fusion.runtime import FloatMap
from napari_umis_fusion.stack import Calibration, Stack


@dataclass(frozen=True, slots=True)
class LiveWaiting:
    """Nothing new; yielded at least every 100 ms.

    Attributes
    ----------
    frames : int
        Frames received so far.
    behind : int
        Frames that are in no picture yet.
    on_disk : bool
        Whether some of them are kept in temporary files, since they are more than the memory for
        them.
    """

    frames: int
    behind: int
    on_disk: bool


@dataclass(frozen=True, slots=True)
class FieldStarted:
    """The first plane of a field arrived.

    Attributes
    ----------
    field : Field
        Which.
    shape : tuple of int
        Of a plane, (Y, X) or (Y, X, C).
    planes : int or None
        Planes to come in all; None if nobody knows.
    lacks : tuple of str
        What the pictures until `FieldFinished` lack of the fusion that was asked for.
    """

    field: Field
    shape: tuple[int, ...]
    planes: int | None
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FieldUpdated:
    """A picture of the planes so far; at most one in `refresh_s` for each field.

    Attributes
    ----------
    field : Field
        Which.
    picture : GrowingPicture
        All-in-focus image and sub-plane map, yours to keep.
    planes : int or None
        Planes to come in all; None if nobody knows.
    calibration : Calibration
        Physical sizes, as far as they are known by now.
    latency_s : float
        Time since the latest plane in it arrived.
    """

    field: Field
    picture: GrowingPicture
    planes: int | None
    calibration: Calibration
    latency_s: float

    def depth_map(self) -> FloatMap:
        """Return depths below the first plane: in µm, or in planes if the z step is unknown."""
        step_um = self.calibration.z_step_um
        return self.picture.sub_plane_map * (1 if step_um is None else step_um)


@dataclass(frozen=True, slots=True)
class FieldProgress:
    """A field is being fused: it has all its planes, or waits for the last of them.

    Attributes
    ----------
    field : Field
        Which.
    share : float
        Of the work, 0 to 1.
    """

    field: Field
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class FieldFinished:
    """A field is fused, exactly as its saved stack would be.

    Attributes
    ----------
    field : Field
        Which.
    result : FusionResult
        As `fuse` returns it.
    planes : Stack
        The recorded planes in focal order; valid until the next event is asked for.
    notes : tuple of str
        What happened to its planes, such as that some never arrived; for the user.
    seconds : float
        From the arrival of its last plane.
    """

    field: Field
    result: FusionResult
    planes: Stack
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class FieldFailed:
    """A field cannot be fused; the others can.

    Attributes
    ----------
    field : Field
        Which.
    message : str
        Why, for the user.
    """

    field: Field
    message: str


@dataclass(frozen=True, slots=True)
class LiveSummary:
    """What a live fusion returns.

    Attributes
    ----------
    finished, failed : tuple of Field
        Fields that are fused, and those that cannot be.
    frames : int
        Frames received.
    notes : tuple of str
        What else the user should know.
    """

    finished: tuple[Field, ...]
    failed: tuple[Field, ...]
    frames: int
    notes: tuple[str, ...]


LiveEvent = LiveWaiting | FieldStarted | FieldUpdated | FieldProgress | FieldFinished | FieldFailed
