"""What a microscope has: found by asking its core, in any thread."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.live import needs_live, simulated_configuration
from napari_umis_fusion.runtime import reason_of

_BUFFER_MB = 100
"""Memory for the live picture of the simulated camera: the core would take 1 GB."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices of a microscope.

    Attributes
    ----------
    camera, shutter : str
        Labels; empty if there is none.
    focus : str
        Label of the stage that focuses; empty if there is none.
    stages : tuple of str
        Labels of all stages along z.
    channels : tuple of str
        Names of the channels.
    pixel_um : float or None
        Side of a pixel on the specimen, in µm; None if the configuration does not say.
    """

    camera: str = ""
    shutter: str = ""
    focus: str = ""
    stages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    pixel_um: float | None = None

    def described(self) -> str:
        """Return the devices as lines of text."""
        pixel = "unknown" if self.pixel_um is None else f"{self.pixel_um:g} µm"
        rows = (
            ("camera", self.camera),
            ("focus", ", ".join(self.stages)),
            ("shutter", self.shutter),
            ("channels", ", ".join(self.channels)),
            ("pixel", pixel),
        )
        return "\n".join(f"{name}: {value or 'none'}" for name, value in rows)


def plain_reason(error: Exception) -> str:
    """Return what a device said, without the full stop that some add."""
    return reason_of(error).rstrip(".")


def find_devices(core: Any) -> Devices:
    """Return the devices of a core.

    Raises
    ------
    LiveError
        If the core does not answer.
    """
    from pymmcore_plus import DeviceType

    try:
        group = core.getChannelGroup()
        return Devices(
            camera=core.getCameraDevice(),
            shutter=core.getShutterDevice(),
            focus=core.getFocusDevice(),
            stages=tuple(map(str, core.getLoadedDevicesOfType(DeviceType.StageDevice))),
            channels=tuple(core.getAvailableConfigs(group)) if group else (),
            pixel_um=core.getPixelSizeUm() or None,
        )
    except Exception as error:
        raise LiveError(
            f"the microscope does not answer: {plain_reason(error)}. Load its configuration again."
        ) from error


def running_core() -> Any:
    """Return the core that another plugin or a script uses.

    Raises
    ------
    LiveError
        If there is none with devices, or pymmcore-plus is not installed.
    """
    with needs_live():
        from pymmcore_plus import CMMCorePlus
    core = CMMCorePlus.instance()
    if len(core.getLoadedDevices()) < 2:  # the core itself is one
        raise LiveError(
            "no microscope is in use in this program: load a configuration here, or load it "
            "in napari-micromanager or a script and press this again."
        )
    return core


def loaded_core(path: Path, core: Any = None) -> Any:
    """Return a core with the devices of a configuration.

    Parameters
    ----------
    path : Path
        The configuration file.
    core : CMMCorePlus, optional
        The core that loads it; by default a new one.

    Raises
    ------
    LiveError
        If the file is missing, or devices cannot be loaded or initialised.
    """
    with needs_live():
        from pymmcore_plus.experimental.unicore import UniMMCore
    if not path.is_file():
        raise LiveError(f"{path} is not there; choose the configuration file of a microscope.")
    core = UniMMCore() if core is None else core
    try:
        core.loadSystemConfiguration(path)
    except Exception as error:
        raise LiveError(
            f"{path.name} cannot be loaded: {plain_reason(error)}. Are the devices switched on, "
            "and used by no other program?"
        ) from error
    if path == simulated_configuration():
        core.setCircularBufferMemoryFootprint(_BUFFER_MB)
    return core
