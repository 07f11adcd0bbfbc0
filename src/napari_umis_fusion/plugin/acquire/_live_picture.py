"""The live picture: frames of the camera, of which only the newest is shown."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.plugin.acquire._devices import plain_reason
from napari_umis_fusion.plugin.acquire._shutter import lit
from napari_umis_fusion.runtime import AnyArray

POLL_S = (0.005, 0.05)
"""Shortest and longest time between two looks for a frame."""

RATE_OVER_S = 2.0
"""The frame rate is that of the latest seconds."""

PATIENCE_S = 5.0
"""After the exposure time, a camera is given this long to deliver a frame."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveFrame:
    """A frame of the camera.

    Attributes
    ----------
    image : ndarray of shape (Y, X) or (Y, X, C)
        The pixels, a copy.
    per_second : float
        Frames that the camera takes per second; 0 until two are known.
    """

    image: AnyArray
    per_second: float


class Newest:
    """Hands the newest frame from a thread to another; those before it are dropped."""

    def __init__(self) -> None:
        self._frames: deque[LiveFrame] = deque(maxlen=1)

    def put(self, frame: LiveFrame) -> None:
        """Replace the frame that waits."""
        self._frames.append(frame)

    def take(self) -> LiveFrame | None:
        """Return the frame that waits, once."""
        try:
            return self._frames.pop()
        except IndexError:
            return None


def iter_live(
    core: Any, newest: Newest, clock: Callable[[], float] = time.monotonic
) -> Generator[None, None, str]:
    """Let the camera run, and hand over its frames until the generator is closed.

    A camera that runs already, such as for another plugin, is watched and left running.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    newest : Newest
        Receives the frames.
    clock : callable
        Seconds, from any start.

    Yields
    ------
    None
        At least every 50 ms.

    Returns
    -------
    str
        Why it ended by itself, for the user.

    Raises
    ------
    LiveError
        If the camera does not start, fails, or delivers nothing for `PATIENCE_S` longer than its
        exposure time.
    """
    camera = ""
    is_own = False
    try:
        camera = core.getCameraDevice()
        is_own = not core.isSequenceRunning()
        if not is_own:
            return (yield from _iter_frames(core, newest, clock))
        with lit(core):
            core.startContinuousSequenceAcquisition(0)
            return (yield from _iter_frames(core, newest, clock))
    except LiveError:
        raise
    except Exception as error:
        raise LiveError(
            f"the camera {camera!r} failed: {plain_reason(error)}. The live picture has ended; "
            "is the camera connected?"
        ) from error
    finally:
        if is_own:
            with contextlib.suppress(Exception):  # it may be gone, which was told already
                core.stopSequenceAcquisition()


def _iter_frames(
    core: Any, newest: Newest, clock: Callable[[], float]
) -> Generator[None, None, str]:
    exposure_s = core.getExposure() / 1000
    poll_s = min(max(exposure_s / 4, POLL_S[0]), POLL_S[1])
    rate, shown, latest_s = _Rate(), "", clock()
    while core.isSequenceRunning():
        if core.mda.is_running():
            return "The live picture has ended, because an acquisition has started."
        if core.getRemainingImageCount() > 0:
            image, tags = core.getLastImageAndMD()
            number = dict(tags).get("ImageNumber", "")
            if number != shown or not number:
                latest_s, shown = clock(), number
                newest.put(LiveFrame(image.copy(), rate.with_frame(number, latest_s)))
        exposure_s = core.getExposure() / 1000 if clock() > latest_s + PATIENCE_S else exposure_s
        if clock() > latest_s + exposure_s + PATIENCE_S:
            raise LiveError(
                f"the camera delivered no frame for {clock() - latest_s:.0f} s, at an exposure of "
                f"{exposure_s * 1000:g} ms. The live picture has ended; is the camera connected?"
            )
        yield
        time.sleep(poll_s)
    raise LiveError(
        "the camera stopped by itself. The live picture has ended; look at the camera's cable "
        "and its properties, then start it again."
    )


class _Rate:
    """Frames per second, from their numbers: also those that were never looked at count."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque()

    def with_frame(self, number: str, at_s: float) -> float:
        """Count a frame, and return the rate."""
        counted = int(number) if number.isdigit() else (self._seen[-1][0] + 1 if self._seen else 0)
        self._seen.append((counted, at_s))
        while at_s - self._seen[0][1] > RATE_OVER_S and len(self._seen) > 2:
            self._seen.popleft()
        (first, first_s), (last, last_s) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0
