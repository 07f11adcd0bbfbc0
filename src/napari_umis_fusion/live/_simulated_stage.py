"""The focus stage and the shutter of the simulated microscope, as devices of pymmcore-plus."""

from napari_umis_fusion.live._extra import needs_live
from napari_umis_fusion.live._simulated_microscope import SimulatedMicroscope, microscope_for

with needs_live():
    from pymmcore_plus import FocusDirection
    from pymmcore_plus.experimental.unicore import ShutterDevice, StageDevice, pymm_property

LIMITS_UM = (-200.0, 200.0)
STEP_UM = 0.02
"""The stage moves in such steps."""


class SimulatedStage(StageDevice):
    """A focus stage that takes its time: it is busy until it has arrived.

    Parameters
    ----------
    microscope : SimulatedMicroscope, optional
        The microscope that it moves; by default that of the devices loaded before it.
    """

    def __init__(self, microscope: SimulatedMicroscope | None = None) -> None:
        super().__init__()
        self.microscope = microscope or microscope_for("stage")
        self._clock = self.microscope.clock
        self._from_um = self._to_um = 0.0
        self._started = self._clock()
        self._speed, self._backlash, self._slack = 2000.0, 0.0, 0.0
        self._origin_um, self._direction = 0.0, FocusDirection.TowardSample
        self.microscope.height_um = self.true_height_um

    def home(self) -> None:
        """Move to height 0."""
        self.set_position_um(0.0)

    def stop(self) -> None:
        """Stop where the stage is."""
        self._from_um = self._to_um = self._now_um()

    def set_origin(self) -> None:
        """Call the present position 0."""
        self._origin_um = self._now_um()

    def set_position_um(self, val: float) -> None:
        """Begin to move; raises ValueError beyond the limits."""
        low, high = LIMITS_UM
        target = round((val + self._origin_um) / STEP_UM) * STEP_UM
        if not low <= target <= high:
            raise ValueError(
                f"the stage was sent to {val:g} µm; accepted is {low - self._origin_um:g} to "
                f"{high - self._origin_um:g} µm."
            )
        here = self._now_um()
        if target != here:
            # The screw turns before the stage follows it downwards.
            self._slack = self._backlash if target < here else 0.0
        self._from_um, self._to_um, self._started = here, target, self._clock()
        if self._core_proxy_ is not None:
            self.core.events.stagePositionChanged.emit(self.get_label(), target - self._origin_um)

    def get_position_um(self) -> float:
        """Return where the stage says that it is, in µm."""
        return self._now_um() - self._origin_um

    def busy(self) -> bool:
        """Whether the stage moves."""
        return self._now_um() != self._to_um

    def get_focus_direction(self) -> FocusDirection:
        """Return whether greater heights are nearer to the sample."""
        return self._direction

    def set_focus_direction(self, sign: int) -> None:
        """Say whether greater heights are nearer to the sample: 1, or farther: -1."""
        self._direction = FocusDirection(sign)

    def true_height_um(self) -> float:
        """Return where the lens is, in µm from where it was first: backlash hides it."""
        return self._now_um() + self._slack

    @pymm_property(name="Speed-um_s", limits=(1.0, 1e6))
    def speed(self) -> float:
        """Speed in µm per second."""
        return self._speed

    @speed.setter
    def _set_speed(self, speed: float) -> None:
        self._speed = speed

    @pymm_property(name="Backlash-um", limits=(0.0, 50.0))
    def backlash(self) -> float:
        """How far the lens stays behind when the stage moves down, in µm."""
        return self._backlash

    @backlash.setter
    def _set_backlash(self, backlash: float) -> None:
        self._backlash = backlash

    def _now_um(self) -> float:
        way = self._to_um - self._from_um
        gone = self._speed * (self._clock() - self._started)
        if gone >= abs(way):
            return self._to_um
        return self._from_um + (gone if way > 0 else -gone)


class SimulatedShutter(ShutterDevice):
    """A shutter: where it is closed, the camera sees nothing but its own noise.

    Parameters
    ----------
    microscope : SimulatedMicroscope, optional
        The microscope that it darkens; by default that of the devices loaded before it.
    """

    def __init__(self, microscope: SimulatedMicroscope | None = None) -> None:
        super().__init__()
        self.microscope = microscope or microscope_for("shutter")
        self.microscope.is_lit = self.get_open
        self._open = True

    def get_open(self) -> bool:
        """Whether light passes."""
        return self._open

    def set_open(self, open: bool) -> None:  # noqa: A002 (the name is that of pymmcore-plus)
        """Let light pass, or not."""
        self._open = open
