"""Listening to the runs of others, with either kind of signals."""

import threading

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.live import Field, FieldFinished, SweepPlan, listen, simulated_core
from napari_umis_fusion.runtime import run_to_end

QUICK = FusionConfig(focus_measure="laplacian", verification="none", threads=2)
(SEQUENCE,) = SweepPlan(range_by="top_bottom", bottom_um=0, top_um=12, step_um=4).sequences()


def follow(core):
    """Follow two runs without an event loop; returns their results."""
    with listen(core, QUICK, runs=2) as live:
        for _ in range(2):
            core.run_mda(SEQUENCE).join()
        results = live.results()
    core.run_mda(SEQUENCE).join()  # nobody listens any more
    assert live.gained(Field(run=2)) == (0, ())
    return results


def test_psygnal():
    results = follow(simulated_core(shape=(64, 64), exposure_ms=1))
    assert [field.run for field in results] == [0, 1]
    assert {result.calibration.z_step_um for result in results.values()} == {4.0}


@pytest.mark.binding
def test_qt_signals_need_no_event_loop(qapp):
    core = simulated_core(shape=(64, 64), exposure_ms=1)
    assert not type(core.mda.events).__module__.startswith("psygnal")
    assert hasattr(core.mda.events, "objectName")
    assert [field.run for field in follow(core)] == [0, 1]


def test_frames_are_only_copied_in_the_thread_that_takes_them(monkeypatch):
    core = simulated_core(shape=(64, 64), exposure_ms=1)
    threads = set()
    with listen(core, QUICK, runs=1, refresh_s=0) as live:
        own = live.add

        def add(*arguments, **options):
            threads.add(threading.current_thread().name)
            own(*arguments, **options)

        monkeypatch.setattr(live, "add", add)
        thread = core.run_mda(SEQUENCE)
        seen = []
        run_to_end(live.events(), seen.append)
        thread.join()
    assert threads == {thread.name}
    assert any(isinstance(event, FieldFinished) for event in seen)


def test_run_without_a_plan_is_followed_to_its_end():
    from useq import MDAEvent

    core = simulated_core(shape=(64, 64), exposure_ms=1)
    events = [MDAEvent(index={"z": z}, z_pos=2.0 * z) for z in range(3)]
    with listen(core, QUICK, runs=1) as live:
        core.run_mda(iter(events)).join()
        (result,) = live.results().values()
    assert result.calibration.z_step_um == 2
    assert np.unique(result.index_map).max() <= 2


def test_core_that_is_reset_while_it_is_followed():
    core = simulated_core(shape=(64, 64), exposure_ms=1)
    with listen(core, QUICK, runs=1) as live:
        core.run_mda(SEQUENCE).join()
        core.unloadAllDevices()
        assert len(live.results()) == 1
