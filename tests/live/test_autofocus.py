"""Autofocus on the simulated microscope, on demo devices, and on devices that fail."""

import threading
from collections import Counter
from typing import get_args

import numpy as np
import pytest
from pymmcore_plus import CMMCorePlus

from napari_umis_fusion.errors import AutofocusError, BusyError, ConfigError, LiveError
from napari_umis_fusion.live import (
    AutofocusConfig,
    AutofocusStarted,
    FocusMeasured,
    FocusRegion,
    Optics,
    SimulatedMicroscope,
    SimulatedStage,
    StageMoving,
    autofocus,
    iter_autofocus,
    simulated_core,
)
from napari_umis_fusion.live._autofocus_config import AutofocusMeasure, AutofocusSearch
from napari_umis_fusion.synthetic import Layer, Scene, fractal_noise

DEPTH_OF_FIELD_UM = Optics().depth_of_field_um


def texture(seed, side=128):
    noise = fractal_noise(np.random.default_rng(seed), (side, side), 0.9)
    return (noise - noise.min()) / np.ptp(noise)


def core_at(height_um, seed=0, side=128, **options):
    """Return a microscope with one flat sample at a height."""
    scene = Scene.from_depth(texture(seed, side), height_um / 4)
    core = simulated_core(scene, **({"exposure_ms": 0.2, "seed": seed} | options))
    core.setProperty("Focus", "Speed-um_s", 1e6)
    return core


def put(core, height_um):
    core.setPosition(height_um)
    core.waitForDevice("Focus")


# --- what is found


@pytest.mark.parametrize("search", get_args(AutofocusSearch))
def test_focus_is_found_in_noise_within_a_tenth_of_the_depth_of_field(search):
    rng = np.random.default_rng(5)
    off = []
    for seed in range(12):
        true = rng.uniform(-18, 18)
        core = core_at(true, seed, exposure_ms=0.1, flicker=0.02)  # some 50 electrons
        result = autofocus(core, search=search)
        assert result.frames == len(result.heights_um) <= 30
        assert result.search == search
        assert core.getPosition() == pytest.approx(result.height_um, abs=0.02)
        assert result.start_um == 0.0
        off.append(result.height_um - true)
    assert np.max(np.abs(off)) < DEPTH_OF_FIELD_UM / 10


@pytest.mark.parametrize("measure", get_args(AutofocusMeasure))
def test_every_measure_finds_a_texture(measure):
    core = core_at(9.0)
    assert autofocus(core, measure=measure).height_um == pytest.approx(9, abs=1.5)


def two_objects():
    half = np.zeros((128, 128), np.float32)
    half[:, 64:] = 1
    back, front = Layer(texture(1), -2.5), Layer(texture(2), 2.5, half)
    return simulated_core(Scene((back, front)), exposure_ms=0.5)


@pytest.mark.parametrize(
    ("region", "height"),
    [
        (FocusRegion(10, 4, 100, 48), -10),
        (FocusRegion.around(60, 100, 40, (128, 128)), 10),
        (FocusRegion.spanning([[-5, -9], [300, 50]], (128, 128)), -10),
    ],
)
def test_the_region_decides_which_object_is_in_focus(region, height):
    core = two_objects()
    assert autofocus(core, region=region).height_um == pytest.approx(height, abs=1)


def test_regions_stay_inside_the_picture():
    assert FocusRegion.around(0, 127, 50, (128, 128)) == FocusRegion(0, 78, 50, 50)
    assert FocusRegion.around(5.2, 5.2, 500, (64, 128, 3)) == FocusRegion(0, 0, 64, 128)
    assert FocusRegion.spanning([[30, 90], [10.4, 40.6]], (64, 64)) == FocusRegion(10, 41, 20, 23)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FocusRegion(0, 0, 7, 20),
        lambda: FocusRegion(-1, 0, 20, 20),
        lambda: FocusRegion.around(130, 5, 20, (128, 128)),
        lambda: FocusRegion.spanning([[200, 200], [300, 300]], (128, 128)),
        lambda: FocusRegion(100, 100, 40, 40).of(np.zeros((128, 128))),
    ],
)
def test_regions_outside_the_picture_are_refused(make):
    with pytest.raises(LiveError, match=r"accepted are|choose the region again"):
        make()


def test_a_region_that_no_longer_fits_moves_nothing_for_good():
    core = core_at(5.0)
    put(core, 3.0)
    core.setROI(0, 0, 64, 64)
    with pytest.raises(AutofocusError, match="camera's picture has 64 x 64 px"):
        autofocus(core, region=FocusRegion(0, 0, 100, 100))
    assert core.getPosition() == 3.0


# --- events


def test_events_tell_the_curve_and_the_way():
    core = core_at(6.0)
    core.setProperty("Focus", "Speed-um_s", 200.0)
    events, steps = [], iter_autofocus(core, range_um=40, most_frames=15)
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            result = end.value
            break
    assert events[0] == AutofocusStarted(-20, 20, 0, 15)
    points = [event for event in events if isinstance(event, FocusMeasured)]
    assert [point.height_um for point in points] == list(result.heights_um)
    assert [point.value for point in points] == list(result.values)
    assert [point.frames for point in points] == list(range(1, result.frames + 1))
    assert any(isinstance(event, StageMoving) for event in events)


@pytest.mark.parametrize("after", [0, 1, 2, 9, 20])
def test_closed_at_any_event_the_stage_goes_back(after):
    core = core_at(6.0)
    core.setShutterOpen(False)
    put(core, 2.0)
    steps = iter_autofocus(core)
    for _ in range(after):
        next(steps)
    steps.close()
    assert core.getPosition() == 2.0
    assert not core.getShutterOpen()
    assert core.getAutoShutter()


# --- refused


@pytest.mark.parametrize("search", get_args(AutofocusSearch))
def test_nothing_to_see_is_refused_and_the_stage_goes_back(search):
    empty = Scene.from_depth(np.full((64, 64), 0.5, np.float32), 0.0)
    core = simulated_core(empty, exposure_ms=0.2)
    put(core, 7.0)
    with pytest.raises(AutofocusError, match=r"flat .* The stage is back at 7 µm") as caught:
        autofocus(core, search=search)
    assert core.getPosition() == 7.0
    assert len(caught.value.heights_um) == len(caught.value.values) > 10


@pytest.mark.parametrize(("true", "end"), [(33, "upper"), (-33, "lower"), (-25, "lower")])
def test_focus_beyond_the_range_is_refused_and_the_stage_goes_back(true, end):
    core = core_at(true)
    with pytest.raises(AutofocusError, match=rf"{end} end of the range, .* back at 0 µm"):
        autofocus(core)
    assert core.getPosition() == 0.0


def test_time_runs_out():
    core = core_at(6.0, exposure_ms=30)
    with pytest.raises(AutofocusError, match=r"no focus was found in 0\.2 s and \d pictures"):
        autofocus(core, time_limit_s=0.2)
    assert core.getPosition() == 0.0


def test_a_stage_that_never_arrives_is_not_waited_for_forever():
    core = core_at(6.0)
    core.setTimeoutMs(100)  # for the way back
    core.setProperty("Focus", "Speed-um_s", 1.0)
    with pytest.raises(AutofocusError, match=r"still moving to -25 µm .* could not be put back"):
        autofocus(core, time_limit_s=0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "beauty"}, "measure='beauty'; accepted are laplacian"),
        ({"range_um": 0.0}, "range_um"),
        ({"most_frames": 3}, "most_frames=3; accepted is a whole number from 15"),
        ({"speed": 1}, "unknown option speed"),
    ],
)
def test_options_that_are_not_accepted(options, message):
    core = core_at(0.0)
    with pytest.raises(ConfigError, match=message):
        autofocus(core, **options)


def test_without_camera_or_stage_it_says_so():
    core = core_at(0.0)
    with pytest.raises(LiveError, match="'Lens' is not one of the devices Camera, Focus"):
        autofocus(core, focus_device="Lens")
    core.setCameraDevice("")
    with pytest.raises(LiveError, match="none is chosen"):
        autofocus(core)


# --- the instrument is left as it was


def test_backlash_is_overcome_when_it_is_said():
    core = core_at(4.0)
    core.setProperty("Focus", "Backlash-um", 4.0)
    assert autofocus(core, backlash_um=6.0).height_um == pytest.approx(4, abs=0.8)


def test_the_live_picture_continues_afterwards():
    core = core_at(4.0)
    core.startContinuousSequenceAcquisition(0)
    try:
        autofocus(core)
        assert core.isSequenceRunning()
    finally:
        core.stopSequenceAcquisition()


def test_an_exposure_of_its_own_is_for_the_search_only():
    core, seen = core_at(4.0, exposure_ms=100), []
    core.events.imageSnapped.connect(lambda camera: seen.append(core.getExposure()))
    assert autofocus(core, exposure_ms=0.5).notes == ()
    assert set(seen) == {0.5}
    assert core.getExposure() == 100
    with pytest.raises(AutofocusError):
        autofocus(core, exposure_ms=0.5, region=FocusRegion(0, 0, 500, 500))
    assert core.getExposure() == 100


@pytest.mark.parametrize("was_open", [True, False])
def test_the_shutter_is_left_as_it_was(was_open):
    core = core_at(4.0)
    core.setShutterOpen(was_open)
    assert autofocus(core).height_um == pytest.approx(4, abs=0.8)  # it was open meanwhile
    assert core.getShutterOpen() == was_open
    assert core.getAutoShutter()


def test_without_a_shutter_it_works_too():
    core = core_at(4.0)
    core.setShutterDevice("")
    assert autofocus(core).height_um == pytest.approx(4, abs=0.8)
    assert core.getAutoShutter()


def test_saturated_pictures_are_noted():
    core = core_at(4.0, exposure_ms=100)
    assert "of the pixels are saturated" in autofocus(core, most_frames=15).notes[0]


def test_other_stages_can_be_moved():
    core = core_at(4.0)
    core.loadPyDevice("Coarse", SimulatedStage(SimulatedMicroscope()))
    core.initializeDevice("Coarse")
    core.setFocusDevice("Coarse")
    result = autofocus(core, focus_device="Focus")
    assert core.getPosition() == 0.0
    assert result.focus_device == "Focus"
    assert result.height_um == pytest.approx(4, abs=0.8)


def test_during_an_acquisition_it_is_refused(monkeypatch):
    core = core_at(4.0)
    monkeypatch.setattr(core.mda, "is_running", lambda: True)
    with pytest.raises(BusyError, match="an acquisition is running"):
        autofocus(core)


# --- devices that fail


class Failing:
    """A core, one of whose calls fails; or all from then on, as when a cable is pulled."""

    def __init__(self, core, fails=None, count=None, for_good=False):
        self._core, self._fails, self._count, self._for_good = core, fails, count, for_good
        self.calls = Counter()

    def __getattr__(self, name):
        found = getattr(self._core, name)
        if not callable(found):
            return found

        def call(*arguments):
            self.calls[name] += 1
            late = self.calls[name] - (self._count or 0)
            if name == self._fails and (late == 0 or (late > 0 and self._for_good)):
                raise RuntimeError(f'Error in device "X": (Error message unavailable) {name}.')
            return found(*arguments)

        return call


def calls_of_a_search():
    core = Failing(core_at(4.0))
    autofocus(core, most_frames=15)
    return core.calls


def faults():
    """Return each call of a search: its first, its second, and one in the middle."""
    return [
        (name, count)
        for name, calls in sorted(calls_of_a_search().items())
        for count in sorted({1, min(2, calls), calls // 2 or 1})
    ]


def text_of(core):
    """Return what an autofocus says: its error, or its notes."""
    try:
        result = autofocus(core, most_frames=15)
    except LiveError as error:
        return str(error)
    return f"focus was found, {result.notes}"


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
def test_whatever_fails_is_said_and_the_stage_goes_back_if_it_can(for_good, threads):
    before, said = threads(), set()
    for name, count in faults():
        core = core_at(4.0)
        put(core, 1.0)
        failing = Failing(core, name, count, for_good)
        text = text_of(failing)
        assert f"(Error message unavailable) {name}" in text, (name, count)
        said.add(name)
        if "focus was found" not in text:
            needed = {"setPosition", "waitForDevice", "getPosition"}
            needed |= {"setAutoShutter", "setShutterOpen"}
            assert core.getPosition() == 1.0 or (for_good and name == "setPosition"), name
            began = count > 1 or name not in {"waitForDevice", "getPosition"}
            told = for_good and name in needed and began
            assert ("could not be put back" in text) == told, (name, count)
        assert core.getAutoShutter() or name == "setAutoShutter"
    assert {"snapImage", "getImage", "setPosition", "getPosition", "deviceBusy"} <= said
    assert threads() == before


def test_a_core_that_is_reset_meanwhile_is_said(threads):
    core = core_at(4.0)
    steps = iter_autofocus(core)
    for _ in range(6):
        next(steps)
    core.unloadAllDevices()
    with pytest.raises(LiveError, match="could not be put back as it was"):
        for _ in steps:
            pass
    assert threading.main_thread() in threads()


def test_a_stage_that_stops_short_is_noticed(monkeypatch):
    core = core_at(4.0)
    real = core.setPosition
    monkeypatch.setattr(core, "setPosition", lambda name, z: real(name, min(z, 10.0)))
    with pytest.raises(LiveError, match=r"was sent to .* but stands at 10 µm"):
        autofocus(core)
    assert core.getPosition() == 0.0


def test_a_stage_that_does_not_come_back_is_said(monkeypatch):
    core = core_at(33.0)
    real, sent = core.setPosition, []

    def stuck(name, height):
        sent.append(height)
        if len(sent) < 20 or height != 0.0:
            real(name, height)

    monkeypatch.setattr(core, "setPosition", stuck)
    with pytest.raises(AutofocusError, match=r"sharpest .* it stands at .* instead of 0 µm"):
        autofocus(core)


def test_a_focus_that_is_gone_when_the_stage_returns_is_refused(monkeypatch):
    core = core_at(4.0)
    real, taken = core.getImage, []

    def leaving():
        taken.append(real())
        return np.full_like(taken[-1], 200) if len(taken) == 30 else taken[-1]

    monkeypatch.setattr(core, "getImage", leaving)
    with pytest.raises(AutofocusError, match=r"is not sharp any more.* The stage is back at 0 µm"):
        autofocus(core, search="sweep")
    assert core.getPosition() == 0.0


def test_it_starts_where_the_stage_was_going():
    core = core_at(4.0)
    core.setProperty("Focus", "Speed-um_s", 100.0)
    core.setPosition(3.0)
    assert autofocus(core, most_frames=15).start_um == 3.0


@pytest.mark.parametrize("shape", [(0, 5), (5,), (2, 2, 2, 2)])
def test_pictures_that_are_none_are_refused(shape, monkeypatch):
    core = core_at(4.0)
    monkeypatch.setattr(core, "getImage", lambda: np.zeros(shape, np.uint16))
    with pytest.raises(LiveError, match="the camera gave a picture of shape"):
        autofocus(core)


# --- devices of others


@pytest.fixture
def demo():
    core = CMMCorePlus()
    core.loadSystemConfiguration()
    core.setROI(0, 0, 64, 64)
    core.setExposure(1)
    return core


def test_demo_devices_do_as_they_are_told(demo):
    """Their picture is as sharp at every height, or sharper the farther: refusing is right."""
    start, was_open = demo.getPosition(), demo.getShutterOpen()
    with pytest.raises(AutofocusError, match=r"flat|end of the range"):
        autofocus(demo, most_frames=15, range_um=20)
    assert demo.getPosition() == start
    assert demo.getAutoShutter()
    assert demo.getShutterOpen() == was_open


def test_a_lens_behind_a_voltage_is_a_stage(demo):
    demo.loadDevice("DA", "DemoCamera", "D-DA")
    demo.setParentLabel("DA", "DHub")
    demo.initializeDevice("DA")
    demo.loadDevice("Lens", "Utilities", "DA Z Stage")
    demo.initializeDevice("Lens")
    demo.setProperty("Lens", "DA Device", "DA")
    demo.setPosition("Lens", 50.0)
    with pytest.raises(AutofocusError, match=r"flat|end of the range"):
        autofocus(demo, focus_device="Lens", most_frames=15, range_um=20)
    assert demo.getPosition("Lens") == pytest.approx(50, abs=0.1)


def test_the_config_says_what_it_accepts():
    assert AutofocusConfig().search == "ternary"
