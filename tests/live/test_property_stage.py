"""A property of a device as a focus stage."""

import gc

import pytest
from pymmcore_plus.experimental.unicore import UniMMCore

from napari_umis_fusion.errors import AutofocusError, ConfigError
from napari_umis_fusion.live import PropertyStage, SimulatedStage, autofocus, simulated_core


@pytest.fixture
def core():
    return simulated_core(shape=(64, 64), exposure_ms=0.1)


def lens_of(core, **options):
    lens = PropertyStage(core, "Camera", "Offset", **({"um_per_unit": 0.5, "zero": 100} | options))
    core.loadPyDevice("Lens", lens)
    core.initializeDevice("Lens")
    return lens


@pytest.mark.parametrize("um_per_unit", [0.5, -2.0])
def test_heights_are_values(core, um_per_unit):
    lens_of(core, um_per_unit=um_per_unit)
    heights = []
    core.events.stagePositionChanged.connect(lambda label, height: heights.append((label, height)))
    core.setPosition("Lens", 20.0)
    assert float(core.getProperty("Camera", "Offset")) == 100 + 20 / um_per_unit
    assert core.getPosition("Lens") == pytest.approx(20)
    assert heights == [("Lens", 20.0)]
    core.setOrigin("Lens")
    assert core.getPosition("Lens") == 0
    core.setPosition("Lens", -3.0)
    core.home("Lens")
    assert core.getPosition("Lens") == 0


def test_limits_are_those_of_the_property(core):
    lens_of(core, um_per_unit=-0.5)
    with pytest.raises(ValueError, match=r"Offset of Camera would be -20; .* -4950 to 50 µm"):
        core.setPosition("Lens", 60.0)
    assert core.getPosition("Lens") == 0


def test_it_is_busy_while_the_lens_swings(core):
    lens = lens_of(core, settle_ms=10_000)
    core.setPosition("Lens", 1.0)
    assert core.deviceBusy("Lens")
    lens._settled = 0.0
    core.waitForDevice("Lens")


def test_autofocus_moves_it(core):
    """It moves no focus here, so that no height is better than another."""
    lens_of(core)
    core.setPosition("Lens", 7.0)
    with pytest.raises(AutofocusError, match=r"flat|end of the range"):
        autofocus(core, focus_device="Lens", range_um=20, most_frames=15)
    assert core.getPosition("Lens") == 7.0


@pytest.mark.parametrize(
    ("device", "name", "options", "message"),
    [
        ("Lens", "Offset", {}, "no property 'Offset' of a device 'Lens'; accepted are properties"),
        ("Camera", "Current", {}, "no property 'Current' of a device 'Camera'"),
        ("Camera", "Offset", {"um_per_unit": 0}, "a number that is not 0"),
        ("Camera", "Offset", {"settle_ms": -1}, "a time of 0 or more"),
    ],
)
def test_what_cannot_be_a_stage_is_refused(core, device, name, options, message):
    with pytest.raises(ConfigError, match=message):
        PropertyStage(core, device, name, **({"um_per_unit": 1.0} | options))


def test_it_keeps_no_core_alive():
    core = UniMMCore()
    core.loadPyDevice("Focus", SimulatedStage())
    lens = PropertyStage(core, "Focus", "Speed-um_s", um_per_unit=1.0)
    del core
    gc.collect()
    with pytest.raises(RuntimeError, match="the core of this stage is gone"):
        lens.get_position_um()
