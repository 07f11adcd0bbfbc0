"""The simulated microscope as a whole: a core with its devices, and its configuration."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_umis_fusion.live._extra import needs_live
from napari_umis_fusion.live._simulated_microscope import SimulatedMicroscope
from napari_umis_fusion.live._simulated_optics import Optics
from napari_umis_fusion.synthetic import Scene

if TYPE_CHECKING:
    from pymmcore_plus.experimental.unicore import UniMMCore

BUFFER_MB = 100
"""Memory for frames of the live picture; the core itself would take 1 GB."""


def simulated_configuration() -> Path:
    """Return the configuration file of the simulated microscope.

    It loads in any program that stands on pymmcore-plus and its ``UniMMCore``.
    """
    return Path(__file__).with_name("umis_simulated.cfg")


def simulated_core(
    scene: str | Scene = "fluorescence",
    *,
    seed: int = 0,
    shape: tuple[int, int] = (512, 512),
    drift: float = 0.0,
    flicker: float = 0.0,
    um_per_plane: float = 4.0,
    optics: Optics | None = None,
    exposure_ms: float = 10.0,
    clock: Callable[[], float] = time.perf_counter,
) -> "UniMMCore":
    """Return a core with a simulated microscope: "Camera", "Focus" and "Shutter".

    Parameters
    ----------
    scene, seed, shape, um_per_plane, optics, clock
        See `SimulatedMicroscope`.
    drift : float
        Drift of the focus, in µm per second.
    flicker : float
        Relative standard deviation of the lamp's brightness from frame to frame.
    exposure_ms : float
        Exposure time of the camera.

    Returns
    -------
    UniMMCore
        Keep a reference to it: programs that find a core by themselves hold it weakly.

    Raises
    ------
    LiveError
        If pymmcore-plus is not installed.
    ConfigError
        If there is no such scene.
    """
    with needs_live():
        from pymmcore_plus.experimental.unicore import UniMMCore
    from napari_umis_fusion.live._simulated_camera import SimulatedCamera
    from napari_umis_fusion.live._simulated_stage import SimulatedShutter, SimulatedStage

    microscope = SimulatedMicroscope(
        scene,
        shape=shape,
        um_per_plane=um_per_plane,
        optics=optics,
        drift_um_s=drift,
        flicker=flicker,
        seed=seed,
        clock=clock,
    )
    core = UniMMCore()
    core.loadPyDevice("Camera", SimulatedCamera(microscope))
    core.loadPyDevice("Focus", SimulatedStage(microscope))
    core.loadPyDevice("Shutter", SimulatedShutter(microscope))
    core.initializeAllDevices()
    core.setCameraDevice("Camera")
    core.setCircularBufferMemoryFootprint(BUFFER_MB)  # the camera is needed for that
    core.setFocusDevice("Focus")
    core.setShutterDevice("Shutter")
    core.setExposure(exposure_ms)
    core.definePixelSizeConfig("10x")
    core.setPixelSizeUm("10x", microscope.optics.pixel_um)
    return core
