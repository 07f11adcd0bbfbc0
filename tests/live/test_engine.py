"""Autofocus by software as a step of an acquisition."""

import logging

import numpy as np
import pytest
from pymmcore_plus import CMMCorePlus
from useq import AxesBasedAF, CustomAction, MDAEvent, MDASequence, ZRangeAround

from napari_umis_fusion.errors import AutofocusError, ConfigError, LiveError
from napari_umis_fusion.live import (
    AutofocusConfig,
    AutofocusResult,
    LiveEngine,
    SimulatedMicroscope,
    SimulatedStage,
    simulated_core,
)
from napari_umis_fusion.synthetic import Scene, fractal_noise

HEIGHT_UM = 8.0


@pytest.fixture
def core():
    noise = fractal_noise(np.random.default_rng(0), (128, 128), 0.9)
    scene = Scene.from_depth((noise - noise.min()) / np.ptp(noise), HEIGHT_UM / 4)
    core = simulated_core(scene, exposure_ms=0.2)
    core.setProperty("Focus", "Speed-um_s", 1e6)
    return core


def heights_of(core, engine, events):
    """Run an acquisition, and return the true height of each frame."""
    heights = []
    core.mda.set_engine(engine)
    core.mda.events.frameReady.connect(
        lambda image, event, meta: heights.append(core.getPosition())
    )
    core.mda.run(events)
    return heights


def plan(**options):
    return MDASequence(
        z_plan=ZRangeAround(range=4, step=2),
        autofocus_plan=AxesBasedAF(axes=("p",), autofocus_motor_offset=None),
        stage_positions=[{"z": 0.0}, {"z": 3.0}],
        **options,
    )


def test_an_autofocus_plan_shifts_the_heights_of_each_position(core):
    engine = LiveEngine(core, AutofocusConfig(range_um=40), use_hardware_sequencing=False)
    heights = heights_of(core, engine, plan())
    assert len(heights) == 6
    assert all(isinstance(one, AutofocusResult) for one in engine.autofocus_log)
    found = [one.height_um for one in engine.autofocus_log]
    assert found == pytest.approx([HEIGHT_UM, HEIGHT_UM], abs=0.8)
    expected = [height + dz for height in found for dz in (-2, 0, 2)]
    assert heights == pytest.approx(expected, abs=0.05)


def test_an_action_asks_for_it_with_options_of_its_own(core):
    engine = LiveEngine(core, AutofocusConfig(range_um=4), use_hardware_sequencing=False)
    data = {"range_um": 40.0, "search": "brent", "region": [0, 0, 64, 100]}
    events = [
        MDAEvent(z_pos=1.0),
        MDAEvent(action=CustomAction(name="autofocus", data=data)),
        MDAEvent(z_pos=1.0),
        MDAEvent(action=CustomAction(name="something else")),
    ]
    heights = heights_of(core, engine, events)
    assert heights == pytest.approx([1.0, HEIGHT_UM], abs=0.8)
    assert [one.search for one in engine.autofocus_log] == ["brent"]


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({"range_um": 2.0}, AutofocusError, "flat|end of the range"),
        ({"speed": 3}, ConfigError, "unknown option speed"),
        ({"region": [1, 2, 3]}, ConfigError, "accepted are four whole numbers"),
        ({"region": [0, 0, 4, 4]}, LiveError, "the region is 4 x 4 px"),
    ],
)
def test_where_none_is_found_the_acquisition_continues(core, data, kind, message, caplog):
    engine = LiveEngine(core, use_hardware_sequencing=False)
    events = [
        MDAEvent(z_pos=-5.0),
        MDAEvent(action=CustomAction(name="autofocus", data=data)),
        MDAEvent(z_pos=-5.0),
    ]
    with caplog.at_level(logging.WARNING, "pymmcore-plus"):
        assert heights_of(core, engine, events) == [-5.0, -5.0]
    (error,) = engine.autofocus_log
    with pytest.raises(kind, match=message):
        raise error
    assert "Autofocus by software failed" in caplog.text


def test_each_acquisition_begins_a_new_log(core):
    engine = LiveEngine(core, use_hardware_sequencing=False)
    for _ in range(2):
        heights_of(core, engine, [MDAEvent(action=CustomAction(name="autofocus"))])
    assert len(engine.autofocus_log) == 1


def test_cancelling_the_acquisition_ends_the_search(core):
    engine = LiveEngine(core, use_hardware_sequencing=False)
    taken = []

    def cancel(camera):
        taken.append(camera)
        if len(taken) == 5:
            core.mda.cancel()

    core.events.imageSnapped.connect(cancel)
    events = [MDAEvent(action=CustomAction(name="autofocus")), MDAEvent(z_pos=9.0)]
    assert heights_of(core, engine, events) == []
    assert len(taken) <= 6
    assert engine.autofocus_log == []
    assert core.getPosition() == 0.0
    assert not core.mda.is_running()


def test_a_stage_of_its_own_is_left_where_it_found_focus(core):
    core.loadPyDevice("Coarse", SimulatedStage(SimulatedMicroscope()))
    core.initializeDevice("Coarse")
    core.setFocusDevice("Coarse")
    engine = LiveEngine(core, focus_device="Focus", use_hardware_sequencing=False)
    events = [MDAEvent(action=CustomAction(name="autofocus")), MDAEvent(z_pos=30.0)]
    assert heights_of(core, engine, events) == [30.0]  # of the coarse stage, as planned
    assert core.getPosition("Focus") == pytest.approx(HEIGHT_UM, abs=0.8)


def test_hardware_that_focuses_by_itself_is_used():
    core = CMMCorePlus()
    core.loadSystemConfiguration()
    engine = LiveEngine(core, use_hardware_sequencing=False)
    assert len(heights_of(core, engine, plan())) == 6
    assert engine.autofocus_log == []
