"""A property of a device as a focus stage: the current of a tunable lens, or a voltage."""

import time
import weakref
from typing import TYPE_CHECKING

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.live._extra import needs_live

with needs_live():
    from pymmcore_plus.experimental.unicore import StageDevice

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus


class PropertyStage(StageDevice):
    """A focus stage that sets a number among the properties of another device.

    Adapters of tunable lenses offer the current of the lens, in mA, and not a stage. Load this
    with ``core.loadPyDevice(label, stage)`` into a ``UniMMCore``, and it moves as any stage.

    Parameters
    ----------
    core : UniMMCore
        The core that has the device.
    device, name : str
        Label of the device, and name of the property.
    um_per_unit : float
        How far focus moves for each unit of the property, in µm; may be negative.
    zero : float
        Value of the property at height 0.
    settle_ms : float
        How long the stage is busy after a move: the lens swings.

    Raises
    ------
    ConfigError
        If there is no such device or property, or a number is not accepted.
    """

    def __init__(
        self,
        core: "CMMCorePlus",
        device: str,
        name: str,
        *,
        um_per_unit: float,
        zero: float = 0.0,
        settle_ms: float = 0.0,
    ) -> None:
        super().__init__()
        if device not in core.getLoadedDevices() or not core.hasProperty(device, name):
            raise ConfigError(
                f"there is no property {name!r} of a device {device!r}; accepted are properties "
                f"of {', '.join(core.getLoadedDevices())}."
            )
        if um_per_unit == 0 or settle_ms < 0:
            raise ConfigError(
                f"um_per_unit={um_per_unit!r} and settle_ms={settle_ms!r}; accepted are a number "
                "that is not 0, and a time of 0 or more."
            )
        # The core owns this stage: a reference back would keep both alive.
        self._core_of = weakref.ref(core)
        self._device, self._name = device, name
        self._um_per_unit, self._zero = um_per_unit, zero
        self._settle_s, self._settled = settle_ms / 1000, 0.0

    def home(self) -> None:
        """Move to height 0."""
        self.set_position_um(0.0)

    def stop(self) -> None:
        """Do nothing: a property is set at once."""

    def set_origin(self) -> None:
        """Call the present position 0."""
        self._zero = self._value()

    def set_position_um(self, val: float) -> None:
        """Set the property; raises ValueError beyond its limits."""
        core = self._living_core()
        value = self._zero + val / self._um_per_unit
        if core.hasPropertyLimits(self._device, self._name):
            low = core.getPropertyLowerLimit(self._device, self._name)
            high = core.getPropertyUpperLimit(self._device, self._name)
            if not low <= value <= high:
                ends = sorted((end - self._zero) * self._um_per_unit for end in (low, high))
                raise ValueError(
                    f"{self._name} of {self._device} would be {value:g}; accepted is {low:g} to "
                    f"{high:g}, which is {ends[0]:g} to {ends[1]:g} µm."
                )
        core.setProperty(self._device, self._name, value)
        self._settled = time.perf_counter() + self._settle_s
        if self._core_proxy_ is not None:
            self.core.events.stagePositionChanged.emit(self.get_label(), val)

    def get_position_um(self) -> float:
        """Return the height that the property stands for, in µm."""
        return (self._value() - self._zero) * self._um_per_unit

    def busy(self) -> bool:
        """Whether the device is busy, or the lens still swings."""
        waits = time.perf_counter() < self._settled
        return waits or bool(self._living_core().deviceBusy(self._device))

    def _value(self) -> float:
        return float(self._living_core().getProperty(self._device, self._name))

    def _living_core(self) -> "CMMCorePlus":
        core = self._core_of()
        if core is None:
            raise RuntimeError("the core of this stage is gone: connect the microscope again")
        return core
