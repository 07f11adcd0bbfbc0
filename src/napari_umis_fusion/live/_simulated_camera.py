"""The camera of the simulated microscope, as a device of pymmcore-plus."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_umis_fusion.live._extra import needs_live
from napari_umis_fusion.live._simulated_microscope import SimulatedMicroscope, microscope_for
from napari_umis_fusion.synthetic import SCENES

with needs_live():
    from pymmcore_plus.experimental.unicore import SimpleCameraDevice, pymm_property

EXPOSURE_MS = (0.01, 10_000.0)
GAIN = (0.1, 64.0)
OFFSET = (0.0, 10_000.0)
SIDES_PX = ("128", "256", "512", "1024", "2048")
"""As text, since configurations and widgets give no other values."""


class SimulatedCamera(SimpleCameraDevice):
    """A 16-bit camera that sees the sample at the stage's height.

    A frame takes its exposure time, or longer where the picture takes longer to render.

    Parameters
    ----------
    microscope : SimulatedMicroscope, optional
        The microscope that it looks through; by default that of the devices loaded before it.
    """

    def __init__(self, microscope: SimulatedMicroscope | None = None) -> None:
        super().__init__()
        self.microscope = microscope or microscope_for("camera")
        self._exposure_ms, self._gain, self._offset = 10.0, 1.0, 100.0
        self.set_property_limits("Exposure", EXPOSURE_MS)
        self.set_property_limits("Gain", GAIN)
        self.set_property_limits("Offset", OFFSET)

    def get_exposure(self) -> float:
        """Return the exposure time in ms."""
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure time in ms, within the limits of the property."""
        self._exposure_ms = float(np.clip(exposure, *EXPOSURE_MS))

    def get_gain(self) -> float:
        """Return the factor of the grey levels."""
        return self._gain

    def set_gain(self, value: float) -> None:
        """Set the factor of the grey levels."""
        self._gain = float(value)

    def get_offset(self) -> float:
        """Return the grey level of darkness."""
        return self._offset

    def set_offset(self, value: float) -> None:
        """Set the grey level of darkness."""
        self._offset = float(value)

    def sensor_shape(self) -> tuple[int, int]:
        """Return (Y, X)."""
        return self.microscope.shape

    def dtype(self) -> DTypeLike:
        """Return uint16."""
        return np.uint16

    def snap(self, buffer: NDArray[np.uint16]) -> Mapping[str, Any]:
        """Fill a buffer of `sensor_shape`, and return the true height of the focus, in µm."""
        started = time.perf_counter()
        height = self.microscope.expose(buffer, self._exposure_ms, self._gain, self._offset)
        left = self._exposure_ms / 1000 - (time.perf_counter() - started)
        if left > 0:
            time.sleep(left)
        return {"TrueHeight-um": f"{height:.3f}"}

    @pymm_property(name="Scene", allowed_values=tuple(SCENES))
    def scene(self) -> str:
        """Name the sample, one of the rendered scenes."""
        return self.microscope.scene_name

    @scene.setter
    def _set_scene(self, name: str) -> None:
        self.microscope.show(scene=name)

    @pymm_property(name="Side-px", allowed_values=SIDES_PX)
    def side_px(self) -> str:
        """Rows of a frame; setting it makes frames square."""
        return str(self.microscope.shape[0])

    @side_px.setter
    def _set_side_px(self, side: str) -> None:
        self.clear_roi()
        self.microscope.show(shape=(int(side), int(side)))

    @pymm_property(name="Flicker", limits=(0.0, 1.0))
    def flicker(self) -> float:
        """Relative standard deviation of the lamp's brightness from frame to frame."""
        return self.microscope.flicker

    @flicker.setter
    def _set_flicker(self, flicker: float) -> None:
        self.microscope.flicker = float(flicker)

    @pymm_property(name="Drift-um_s", limits=(-10.0, 10.0))
    def drift(self) -> float:
        """Drift of the focus, in µm per second."""
        return self.microscope.drift_um_s

    @drift.setter
    def _set_drift(self, drift: float) -> None:
        self.microscope.drift_um_s = float(drift)
