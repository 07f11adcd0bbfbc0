"""The state in which a microscope is left, whatever happened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.live._run_file import why


@dataclass(frozen=True, slots=True)
class StageState:
    """Where the microscope stood before a run.

    Attributes
    ----------
    focus : str
        Label of the focus device; empty if there is none.
    z_um : float or None
        Its height; None if it did not say.
    auto_shutter : bool or None
        Whether the shutter opened by itself; None if nobody knows.
    was_opened : bool
        Whether somebody had opened the shutter by hand.
    """

    focus: str
    z_um: float | None
    auto_shutter: bool | None
    was_opened: bool = False

    @classmethod
    def of(cls, core: Any) -> "StageState":
        """Read the state; what a device does not tell stays unknown."""
        focus = _asked(core.getFocusDevice) or ""
        z_um = _asked(lambda: _height(core, focus)) if focus else None
        auto = _asked(core.getAutoShutter)
        was_opened = auto is False and bool(_asked(core.getShutterOpen))
        return cls(focus, z_um, auto, was_opened)

    def restore(self, core: Any, *, moves: bool = True) -> tuple[str, ...]:
        """Put shutter and stage back, and end the live picture.

        A shutter that was not opened by hand is closed.

        Parameters
        ----------
        core : CMMCorePlus
            The microscope.
        moves : bool
            Whether the stage is put back.

        Returns
        -------
        tuple of str
            What could not be done, for the user.
        """
        failed: list[str] = []

        def attempt(what: str, job: Callable[[], object]) -> None:
            try:
                job()
            # Any device may be gone; the others are still to be left in a known state.
            except Exception as error:
                failed.append(f"{what}: {why(error)}")

        attempt("the camera may still be running", lambda: _end_sequence(core))
        attempt("the shutter may be open", lambda: _set_shutter(core, is_open=self.was_opened))
        if self.auto_shutter is not None:
            attempt("auto shutter is not reset", lambda: core.setAutoShutter(self.auto_shutter))
        if moves and self.z_um is not None:
            attempt(
                f"{self.focus!r} was not moved back to {self.z_um:g} µm",
                lambda: _move(core, self.focus, self.z_um),
            )
        return tuple(failed)


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception:
        return None


def _height(core: Any, focus: str) -> float:
    core.waitForDevice(focus)  # it may still be moving
    return float(core.getPosition(focus))


def _end_sequence(core: Any) -> None:
    if core.isSequenceRunning():
        core.stopSequenceAcquisition()


def _set_shutter(core: Any, *, is_open: bool) -> None:
    if core.getShutterDevice():
        core.setShutterOpen(is_open)


def _move(core: Any, focus: str, z_um: float | None) -> None:
    core.setPosition(focus, z_um)
    core.waitForDevice(focus)
