"""What happens during autofocus, and its result."""

from dataclasses import dataclass

from napari_umis_fusion.live._autofocus_config import AutofocusMeasure, AutofocusSearch


@dataclass(frozen=True, slots=True)
class AutofocusStarted:
    """The search begins; the first event.

    Attributes
    ----------
    low_um, high_um : float
        Ends of the range that is searched, as heights of the stage.
    start_um : float
        Where the stage is, and returns to if no focus is found.
    most_frames : int
        Most pictures that the search takes.
    """

    low_um: float
    high_um: float
    start_um: float
    most_frames: int


@dataclass(frozen=True, slots=True)
class StageMoving:
    """The stage is on its way, or settles; at least every 50 ms.

    Attributes
    ----------
    target_um : float
        Where it was sent.
    """

    target_um: float


@dataclass(frozen=True, slots=True)
class FocusMeasured:
    """A picture was taken and its focus measured: a point of the curve.

    Attributes
    ----------
    height_um : float
        Where the stage says that it was.
    value : float
        The focus: the higher, the sharper. Comparable within one search only.
    frames : int
        Pictures taken so far.
    """

    height_um: float
    value: float
    frames: int


AutofocusEvent = AutofocusStarted | StageMoving | FocusMeasured


@dataclass(frozen=True, slots=True)
class AutofocusResult:
    """The focus that was found; the stage is there.

    Attributes
    ----------
    height_um : float
        Height of the stage in focus.
    uncertainty_um : float
        Standard error of `height_um`, from the noise of the curve around its top.
    start_um : float
        Where the stage was before.
    heights_um, values : tuple of float
        Heights at which pictures were taken, and their focus, in the order of the search.
    measure, search : str
        As in `AutofocusConfig`.
    focus_device : str
        Label of the stage.
    seconds : float
        How long it took.
    notes : tuple of str
        What the user should know, such as a stage that stopped short of where it was sent.
    """

    height_um: float
    uncertainty_um: float
    start_um: float
    heights_um: tuple[float, ...]
    values: tuple[float, ...]
    measure: AutofocusMeasure
    search: AutofocusSearch
    focus_device: str
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Number of pictures that were taken."""
        return len(self.values)
