"""Frames of the camera on their way to the window; the camera here is made up."""

import numpy as np
import pytest

from napari_umis_fusion.errors import LiveError
from napari_umis_fusion.plugin.acquire import _live_picture as live
from napari_umis_fusion.plugin.acquire._live_picture import LiveFrame, Newest, iter_live


class Runner:
    running = False

    def is_running(self):
        return self.running


class Camera:
    """A core whose camera delivers as many frames as it is asked for."""

    def __init__(self):
        self.mda, self.number, self.is_on, self.started, self.stopped = Runner(), 0, False, 0, 0
        self.delivers, self.error = True, None

    def getCameraDevice(self):  # noqa: N802
        return "cam"

    def getAutoShutter(self):  # noqa: N802
        return False

    def getExposure(self):  # noqa: N802
        return 10.0

    def isSequenceRunning(self):  # noqa: N802
        return self.is_on

    def startContinuousSequenceAcquisition(self, interval_ms):  # noqa: N802
        self.is_on, self.started = True, self.started + 1

    def stopSequenceAcquisition(self):  # noqa: N802
        self.is_on, self.stopped = False, self.stopped + 1

    def getRemainingImageCount(self):  # noqa: N802
        if self.error is not None:
            raise self.error
        return int(self.delivers)

    def getLastImageAndMD(self):  # noqa: N802
        self.number += 1
        return np.full((3, 4), self.number, np.uint16), {"ImageNumber": str(self.number)}


@pytest.fixture
def camera(monkeypatch):
    monkeypatch.setattr(live.time, "sleep", lambda seconds: None)
    return Camera()


def test_only_the_newest_frame_waits(camera):
    newest = Newest()
    steps = iter_live(camera, newest)
    for _ in range(5):
        next(steps)
    steps.close()
    assert newest.take().image[0, 0] == 5
    assert newest.take() is None
    assert (camera.started, camera.stopped) == (1, 1)


def test_the_rate_counts_frames_that_were_not_looked_at(camera):
    now = [0.0]
    newest = Newest()
    steps = iter_live(camera, newest, lambda: now[0])
    for _ in range(30):
        next(steps)
        now[0] += 0.1
        camera.number += 4  # of five frames, one is looked at
    assert newest.take().per_second == pytest.approx(50)


def test_a_camera_that_others_started_is_left_running(camera):
    camera.is_on = True
    steps = iter_live(camera, Newest())
    next(steps)
    steps.close()
    assert (camera.started, camera.stopped) == (0, 0)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"error": RuntimeError("unplugged.")}, "camera 'cam' failed: unplugged. The live"),
        ({"is_on": False}, "stopped by itself"),
    ],
)
def test_a_camera_that_fails_is_told_and_stopped(camera, fault, told):
    steps = iter_live(camera, Newest())
    next(steps)
    vars(camera).update(fault)
    with pytest.raises(LiveError, match=told):
        next(steps)
    assert camera.stopped == 1


def test_a_camera_without_frames_is_told(camera):
    camera.delivers, now = False, [0.0]
    steps = iter_live(camera, Newest(), lambda: now[0])
    next(steps)
    now[0] += 4.9
    next(steps)
    now[0] += 0.2
    with pytest.raises(LiveError, match="no frame for 5 s, at an exposure of 10 ms"):
        next(steps)


def test_an_acquisition_ends_it(camera):
    steps = iter_live(camera, Newest())
    next(steps)
    camera.mda.running = True
    with pytest.raises(StopIteration, match="acquisition has started"):
        next(steps)
    assert camera.stopped == 1


def test_a_frame_that_waits_is_replaced():
    newest = Newest()
    newest.put(LiveFrame(np.zeros((1, 1)), 1.0))
    newest.put(LiveFrame(np.zeros((1, 1)), 2.0))
    assert newest.take().per_second == 2.0
