"""Camera, stage and shutter during autofocus: prepared, asked, and put back as they were.

Each call may fail: a camera times out, a stage refuses, a device is unplugged. What fails becomes
one plain error, and putting back tries every part, whatever became of the others.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_umis_fusion.errors import BusyError, LiveError, UmisFusionError
from napari_umis_fusion.live._autofocus_config import AutofocusConfig
from napari_umis_fusion.live._autofocus_events import StageMoving
from napari_umis_fusion.runtime import AnyArray, reason_of

if TYPE_CHECKING:
    from pymmcore_plus import CMMCorePlus

POLL_S = 0.005
YIELD_S = 0.05

OFF_UM = 1.0
"""Farthest from where it was sent that a stage may say to be; more where the tolerance is wider."""


def said_by(error: Exception) -> str:
    """Return what an error says, without the full stop."""
    return reason_of(error).rstrip(".")


@contextmanager
def plainly(what: str, advice: str) -> Iterator[None]:
    """Turn any error of a device into a `LiveError` that says what failed and what to do."""
    try:
        yield
    except UmisFusionError:
        raise
    except Exception as error:
        raise LiveError(f"{what}: {said_by(error)}. {advice}") from error


class Instrument:
    """What autofocus needs of a microscope.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    focus_device : str or None
        Label of the stage; None for the core's focus device.
    config : AutofocusConfig
        Settling, backlash and tolerance.
    is_acquiring : bool
        Whether an acquisition itself asks, instead of being in the way.

    Raises
    ------
    LiveError
        If there is no camera or no such stage.
    BusyError
        If an acquisition is running.
    """

    def __init__(
        self,
        core: "CMMCorePlus",
        focus_device: str | None,
        config: AutofocusConfig,
        is_acquiring: bool = False,
    ) -> None:
        self._core, self._config = core, config
        with plainly("the microscope does not answer", "Connect it again."):
            if not is_acquiring and core.mda.is_running():
                raise BusyError(
                    "an acquisition is running, and autofocus would move its stage: wait until "
                    "it has finished or cancel it, or make autofocus a step of it by LiveEngine."
                )
            self.stage = focus_device or core.getFocusDevice()
            devices = core.getLoadedDevices()
            camera = core.getCameraDevice()
        if not camera:
            raise LiveError(
                "autofocus needs a camera, but none is chosen: load a configuration with a "
                "camera, or choose one with setCameraDevice."
            )
        if self.stage not in devices:
            raise LiveError(
                f"autofocus needs a focus stage, but {self.stage!r} is not one of the devices "
                f"{', '.join(devices)}: choose one of them, or load a configuration with a stage."
            )
        with plainly(f"the stage {self.stage!r} does not say where it is", "Look at its cable."):
            core.waitForDevice(self.stage)  # it may still be on the way to where it should start
            self.start_um = float(core.getPosition(self.stage))
        self._put_back: list[tuple[str, Callable[[], object]]] = []
        self.saturated_share = 0.0

    def prepare(self) -> None:
        """Stop the live picture, set the exposure, hold the shutter open; `restore` undoes it."""
        with plainly("the live picture cannot be stopped", "Stop it, and try again."):
            self._stop_live()
        with plainly("the exposure cannot be set", "Choose another, or leave the camera's."):
            self._set_exposure()
        with plainly("the shutter cannot be opened", "Open it by hand, or switch it off."):
            self._hold_shutter_open()

    def _stop_live(self) -> None:
        core = self._core
        if core.isSequenceRunning():
            restart = partial(core.startContinuousSequenceAcquisition, 0)
            self._put_back.append(("The live picture", restart))
            core.stopSequenceAcquisition()

    def _set_exposure(self) -> None:
        core = self._core
        if self._config.exposure_ms:
            self._put_back.append(("The exposure", partial(core.setExposure, core.getExposure())))
            core.setExposure(self._config.exposure_ms)

    def _hold_shutter_open(self) -> None:
        """Hold it open: opened for each picture, it would shake the stage and wear out."""
        core = self._core
        if not core.getAutoShutter():
            return
        self._put_back.append(("The automatic shutter", partial(core.setAutoShutter, True)))
        core.setAutoShutter(False)
        if core.getShutterDevice():
            put_back = partial(core.setShutterOpen, core.getShutterOpen())
            self._put_back.append(("The shutter", put_back))
            core.setShutterOpen(True)

    def iter_move(self, target_um: float, deadline: float) -> Generator[StageMoving, None, float]:
        """Move the stage, and wait until it has settled.

        Returns
        -------
        float
            Where the stage says that it is, in µm.
        """
        if self._config.backlash_um:
            yield from self._iter_send(target_um - self._config.backlash_um, deadline)
        yield from self._iter_send(target_um, deadline)
        settled = time.perf_counter() + self._config.settle_ms / 1000
        yield from self._iter_wait(target_um, lambda: time.perf_counter() < settled)
        with plainly(f"the stage {self.stage!r} does not say where it is", "Look at its cable."):
            reached = float(self._core.getPosition(self.stage))
        if not self._is_at(reached, target_um):
            raise LiveError(
                f"the stage {self.stage!r} was sent to {target_um:g} µm but stands at "
                f"{reached:g} µm: it may have reached its limit. Search a smaller range, or move "
                "it away from its end."
            )
        return reached

    def picture(self) -> AnyArray:
        """Take a picture: (Y, X), or (Y, X, C) by a camera with colours."""
        with plainly("the camera gave no picture", "Look at its cable, trigger and exposure."):
            self._core.snapImage()
            picture = np.asarray(self._core.getImage())
            white = 2 ** self._core.getImageBitDepth() - 1
        if picture.ndim not in (2, 3) or 0 in picture.shape:
            raise LiveError(
                f"the camera gave a picture of shape {picture.shape}; accepted are pictures of "
                "(Y, X) or (Y, X, C)."
            )
        if np.issubdtype(picture.dtype, np.integer):
            self.saturated_share = max(self.saturated_share, float(np.mean(picture >= white)))
        return picture

    def restore(self, move_back: bool) -> list[str]:
        """Put back what `prepare` changed, and the stage where asked.

        Returns
        -------
        list of str
            What could not be put back, and why, and whether the stage is back: sentences.
        """
        steps = list(reversed(self._put_back))
        self._put_back.clear()
        if move_back:
            steps.insert(0, (f"The stage {self.stage!r}", self._move_back))
        said = []
        for name, put_back in steps:
            try:
                put_back()
            except Exception as error:
                said.append(f"{name} could not be put back as it was: {said_by(error)}.")
                continue
            if put_back == self._move_back:
                said.append(f"The stage is back at {self.start_um:g} µm.")
        return said

    def _move_back(self) -> None:
        if self._config.backlash_um:
            with suppress(Exception):  # below may be beyond its limit
                self._core.setPosition(self.stage, self.start_um - self._config.backlash_um)
                self._core.waitForDevice(self.stage)
        self._core.setPosition(self.stage, self.start_um)
        self._core.waitForDevice(self.stage)
        reached = float(self._core.getPosition(self.stage))
        if not self._is_at(reached, self.start_um):
            raise LiveError(f"it stands at {reached:g} instead of {self.start_um:g} µm")

    def _is_at(self, reached_um: float, target_um: float) -> bool:
        return abs(reached_um - target_um) <= max(OFF_UM, self._config.tolerance_um)

    def _iter_send(self, target_um: float, deadline: float) -> Generator[StageMoving]:
        advice = "It may be at its limit: search a smaller range, or move it away from its end."
        with plainly(f"the stage {self.stage!r} does not move to {target_um:g} µm", advice):
            self._core.setPosition(self.stage, target_um)

        def is_busy() -> bool:
            if time.perf_counter() > deadline:
                raise LiveError(
                    f"the stage {self.stage!r} is still moving to {target_um:g} µm when time is "
                    "up: allow more time, or look whether it is blocked."
                )
            with plainly(f"the stage {self.stage!r} does not answer", "Look at its cable."):
                return bool(self._core.deviceBusy(self.stage))

        yield from self._iter_wait(target_um, is_busy)

    def _iter_wait(
        self, target_um: float, is_waiting: Callable[[], bool]
    ) -> Generator[StageMoving]:
        told = time.perf_counter()
        while is_waiting():
            time.sleep(POLL_S)
            if time.perf_counter() - told >= YIELD_S:
                yield StageMoving(target_um)
                told = time.perf_counter()
