"""The simulated microscope: its optics, its noise, its devices, and its configuration."""

import gc
import logging

import numpy as np
import pytest
from pymmcore_plus.experimental.unicore import UniMMCore

from napari_umis_fusion.errors import ConfigError, LiveError
from napari_umis_fusion.live import (
    Optics,
    SimulatedCamera,
    SimulatedMicroscope,
    SimulatedShutter,
    SimulatedStage,
    live_is_installed,
    needs_live,
    simulated_configuration,
    simulated_core,
)
from napari_umis_fusion.live import _simulated_light as lights
from napari_umis_fusion.synthetic import Layer, Scene


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def texture(seed, shape=(64, 64)):
    return np.random.default_rng(seed).random(shape, np.float32)


def contrast(picture):
    return float(np.var(np.diff(picture.astype(float), axis=1)))


@pytest.mark.parametrize("optics", [Optics(), Optics(0.95, 0.5, 1.0, 0.1), Optics(1.2, 0.5, 1.33)])
def test_the_lens_transfers_less_with_defocus_and_never_more_than_the_mean(optics):
    in_focus = optics.transfer(0.0)
    assert in_focus[0] == pytest.approx(1)
    assert (np.diff(in_focus) <= 1e-6).all()
    half = optics.depth_of_field_um / 2
    blurred = [optics.transfer(x * half) for x in (0.1, 0.5, 1.0, 3.0)]
    low = len(in_focus) // 8  # finer detail may be inverted far from focus
    assert (np.diff([float(one[low]) for one in (in_focus, *blurred)]) < 0).all()
    assert all(np.abs(one).max() <= 1 + 1e-6 for one in blurred)
    assert np.array_equal(optics.transfer(-half), optics.transfer(half))


def test_depth_of_field_of_a_common_objective():
    # 20x, NA 0.75, green light, pixels of 6.5 µm: 0.98 + 0.43 µm
    assert Optics(0.75, 0.55, 1.0, 0.325).depth_of_field_um == pytest.approx(1.41, abs=0.01)


@pytest.mark.parametrize("height", [-7.3, 0.0, 12.0, 31.4])
def test_a_scene_is_sharpest_at_its_height(height):
    microscope = SimulatedMicroscope(Scene.from_depth(texture(0), height / 4))
    offsets = np.array([-6, -2, -0.5, 0, 0.5, 2, 6])
    sharp = [contrast(microscope.light(height + x)) for x in offsets]
    assert np.argmax(sharp) == 3
    assert sharp[:3] == pytest.approx(sharp[:3:-1], rel=1e-3)
    assert (microscope.depth_map_um() == np.float32(height)).all()


@pytest.mark.parametrize("height", [0.0, 9.0, -60.0])
def test_flat_light_stays_flat_whatever_the_blur(height):
    slope = np.linspace(0, 5, 64, dtype=np.float32) * np.ones((64, 1), np.float32)
    microscope = SimulatedMicroscope(Scene.from_depth(np.full((64, 64), 0.5, np.float32), slope))
    assert microscope.light(height) == pytest.approx(0.5, abs=0.01)


def test_what_is_in_front_hides_what_is_behind_unless_it_glows():
    behind, half = texture(1), np.zeros((64, 64), np.float32)
    half[:, 32:] = 1
    layers = Layer(behind, 0.0), Layer(np.full((64, 64), 0.25, np.float32), 2.0, half)
    covered = SimulatedMicroscope(Scene(layers)).light(0.0)
    assert covered[:, 56:] == pytest.approx(0.25, abs=0.02)
    alone = SimulatedMicroscope(Scene(layers[:1])).light(0.0)
    assert covered[:, :8] == pytest.approx(alone[:, :8], abs=0.02)
    glowing = SimulatedMicroscope(Scene(layers, additive=True)).light(0.0)
    assert glowing[:, 56:] == pytest.approx(alone[:, 56:] + 0.25, abs=0.02)


def test_what_is_remembered_is_bounded_and_right(monkeypatch):
    monkeypatch.setattr(lights, "MOST_REMEMBERED_MB", 4 * 64 * 64 * 3 / 2**20)
    light = lights.SceneLight(Scene.from_depth(texture(2), 0.0), Optics(), 1.0)
    fresh = [light.at(z).copy() for z in (0.0, 5.0, 10.0, 15.0)]
    assert len(light._remembered) == 3
    assert all(
        np.array_equal(light.at(z), one) for z, one in zip((0, 5, 10, 15), fresh, strict=True)
    )


def flat_microscope(**options):
    return SimulatedMicroscope(Scene.from_depth(np.full((64, 64), 0.5, np.float32), 0.0), **options)


def frames_of(microscope, count, exposure_ms=1.0, gain=1.0, offset=100.0):
    frames = np.empty((count, *microscope.shape), np.uint16)
    for frame in frames:
        microscope.expose(frame, exposure_ms, gain, offset)
    return frames.astype(float)


@pytest.mark.parametrize(("exposure", "gain"), [(0.1, 1.0), (1.0, 1.0), (1.0, 4.0), (8.0, 0.5)])
def test_grey_levels_and_noise_are_those_of_photons(exposure, gain):
    frames = frames_of(flat_microscope(seed=3), 8, exposure, gain)
    electrons = 500 * exposure
    assert frames.mean() == pytest.approx(100 + gain * electrons, rel=0.01)
    expected = gain * np.sqrt(electrons + 9)
    assert frames.std() == pytest.approx(expected, rel=0.03)
    assert np.diff(frames, axis=0).std() == pytest.approx(np.sqrt(2) * expected, rel=0.03)


def test_sixteen_bits_are_the_end():
    assert (frames_of(flat_microscope(), 1, exposure_ms=500.0) == 65535).all()


def test_the_same_seed_gives_the_same_frames():
    first, same, other = (frames_of(flat_microscope(seed=s, flicker=0.1), 2) for s in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_lamp_flickers_and_the_focus_drifts():
    clock = Clock()
    flickering = frames_of(flat_microscope(flicker=0.1), 200).mean(axis=(1, 2)) - 100
    assert np.std(flickering) / np.mean(flickering) == pytest.approx(0.1, rel=0.25)
    microscope = flat_microscope(drift_um_s=0.5, clock=clock)
    clock.now = 8.0
    assert microscope.expose(np.empty((64, 64), np.uint16), 1.0, 1.0, 0.0) == 4.0


def test_without_light_only_the_camera_is_seen():
    microscope = flat_microscope()
    shutter = SimulatedShutter(microscope)
    shutter.set_open(False)
    assert frames_of(microscope, 1).mean() == pytest.approx(100, abs=1)
    shutter.set_open(True)
    assert frames_of(microscope, 1).mean() > 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scene": "moon"}, "the scene is 'moon'; accepted are bumps"),
        ({"shape": (4, 512)}, r"\(4, 512\); accepted"),
        ({"scene": Scene.from_depth(np.zeros((32, 32, 3)), 0.0)}, "and grey scenes"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        SimulatedMicroscope(**arguments)


# --- the devices


def test_the_stage_takes_its_time():
    clock = Clock()
    stage = SimulatedStage(flat_microscope(clock=clock))
    stage.set_property_value("Speed-um_s", 10.0)
    stage.set_position_um(20.0)
    assert stage.busy()
    clock.now = 1.0
    assert stage.get_position_um() == pytest.approx(10)
    stage.set_position_um(5.0)  # on the way, back
    clock.now = 1.25
    assert stage.get_position_um() == pytest.approx(7.5)
    stage.stop()
    assert not stage.busy()
    stage.set_origin()
    assert stage.get_position_um() == 0.0
    with pytest.raises(ValueError, match=r"sent to 195 µm; accepted is -207\.5 to 192\.5 µm"):
        stage.set_position_um(195.0)


def test_backlash_is_seen_in_the_picture_and_not_in_what_the_stage_says():
    clock = Clock()
    stage = SimulatedStage(flat_microscope(clock=clock))
    stage.set_property_value("Backlash-um", 3.0)
    for target, true in ((10.0, 10.0), (4.0, 7.0), (5.0, 5.0), (5.0, 5.0), (4.0, 7.0)):
        stage.set_position_um(target)
        clock.now += 1
        assert (stage.get_position_um(), stage.true_height_um()) == (target, true)


def test_the_configuration_loads_and_its_devices_know_each_other():
    first, second = UniMMCore(), UniMMCore()
    for core in (first, second):
        core.loadSystemConfiguration(simulated_configuration())
        core.setProperty("Camera", "Side-px", "128")
        core.setExposure(1)
    assert first.getPixelSizeUm() == 0.65
    assert first.getShutterDevice() == "Shutter"
    before = first.snap()
    second.setPosition(100.0)
    second.waitForDevice("Focus")
    assert contrast(first.snap()) == pytest.approx(contrast(before), rel=0.1)
    assert contrast(second.snap()) < 0.7 * contrast(before)


def test_every_property_of_the_camera_can_be_set_as_configurations_do():
    core = simulated_core(shape=(128, 128), exposure_ms=1)
    for name, value in (
        ("Scene", "bars"),
        ("Side-px", "256"),
        ("Gain", "2.0"),
        ("Offset", "50"),
        ("Flicker", "0.05"),
        ("Drift-um_s", "-0.1"),
        ("Exposure", "2.5"),
    ):
        core.setProperty("Camera", name, value)
        assert str(core.getProperty("Camera", name)).startswith(value.rstrip("0"))
    core.setROI(10, 20, 60, 40)
    assert core.snap().shape == (40, 60)
    core.setProperty("Camera", "Side-px", "128")  # where the rectangle may not fit any more
    assert core.snap().shape == (128, 128)


def test_the_live_picture_follows_the_stage():
    core = simulated_core(shape=(128, 128), exposure_ms=1)
    core.startContinuousSequenceAcquisition(0)
    try:
        core.setPosition(150.0)
        core.waitForDevice("Focus")
        seen = 0.0
        for _ in range(1000):
            core.sleep(5)
            if core.getRemainingImageCount():
                far, tags = core.getLastImageAndMD()
                seen = float(tags["TrueHeight-um"])
            if seen == 150:
                break
    finally:
        core.stopSequenceAcquisition()
    assert not core.isSequenceRunning()
    core.setPosition(8.0)
    core.waitForDevice("Focus")
    assert contrast(far) < 0.7 * contrast(core.snap())


def test_a_microscope_that_nobody_uses_is_forgotten():
    camera = SimulatedCamera()
    first = id(camera.microscope)
    assert id(SimulatedStage().microscope) == first
    del camera
    gc.collect()
    second = SimulatedCamera()
    assert SimulatedCamera().microscope is not second.microscope


# --- the extra


def test_without_the_extra_the_error_says_what_to_install():
    assert live_is_installed()
    with (
        pytest.raises(LiveError, match=r'Install it with pip install "napari-umis-fusion\[live\]"'),
        needs_live(),
    ):
        raise ModuleNotFoundError("No module named 'useq'", name="useq.pycromanager")
    with pytest.raises(ModuleNotFoundError, match="zlib"), needs_live():
        raise ModuleNotFoundError("No module named 'zlib'", name="zlib")


def test_only_the_log_of_pymmcore_plus_becomes_talkative(caplog):
    root, own = logging.getLogger(), logging.getLogger("pymmcore-plus")
    caplog.set_level(logging.NOTSET, own.name)
    caplog.set_level(logging.ERROR)
    with needs_live():
        root.setLevel(logging.DEBUG)  # as pymmcore-plus does when it is imported
    assert (root.level, own.level) == (logging.ERROR, logging.DEBUG)
