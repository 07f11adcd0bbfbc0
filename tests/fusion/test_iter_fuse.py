"""Fusing step by step: events, heartbeat, and leaving at any time."""

import itertools
import tempfile
import threading
import time

import numpy as np
import pytest

from napari_umis_fusion import Finished, Progress, Started, fuse, iter_fuse
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.fusion import MemoryPlan
from napari_umis_fusion.synthetic import make_stack

PLANES = 4


@pytest.fixture(scope="module")
def stack():
    return make_stack("discs", (60, 80), planes=PLANES).stack


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def run(steps):
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def check_progress(progress):
    """Check that it only goes forward, and return it as (stage, planes done)."""
    progress = [event for event in progress if not isinstance(event, MemoryPlan)]
    assert all(isinstance(event, Progress) and event.total == PLANES for event in progress)
    steps = [(("measuring", "verifying").index(p.stage), p.done) for p in progress]
    assert steps == sorted(steps)
    return steps


@pytest.mark.parametrize(
    "options",
    [{}, {"verification": "mode", "verification_window_px": 9}, {"blend": "weighted"}],
    ids=lambda o: str(o),
)
def test_events(stack, options):
    events, result = run(iter_fuse(stack, **options))
    assert events[0] == Started(stack.shape)
    assert isinstance(events[-1], Finished)
    assert events[-1].result is result
    np.testing.assert_array_equal(result.all_in_focus, fuse(stack, **options).all_in_focus)
    steps = check_progress(events[1:-1])
    assert {(0, PLANES), (1, PLANES)} <= set(steps)


def test_nothing_is_checked_before_the_first_event():
    with pytest.raises(StackError):
        next(iter_fuse(np.zeros((4, 4))))
    with pytest.raises(ConfigError):
        next(iter_fuse(np.zeros((2, 4, 4), np.uint8), blend="none"))


class Slow:
    """Planes that take long to read."""

    def __init__(self, stack, delay_s):
        self.shape, self.dtype = stack.shape, stack.dtype
        self._stack, self._delay_s = stack, delay_s

    def __getitem__(self, z):
        time.sleep(self._delay_s)
        return self._stack[z]


def test_events_come_while_a_plane_is_awaited(stack):
    deep = Slow(stack.astype(np.uint16), 0.4)  # its middle plane is looked at first
    events, _ = run(iter_fuse(deep))
    steps = check_progress(events[1:-1])
    waits = [steps.count((0, z)) for z in range(PLANES)]
    assert sum(waits) >= 4 * PLANES, "one each 100 ms"
    assert waits[0] >= 8, "also before the first, which is judged by those after it"


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"verification": "fuzzy", "verification_window_px": 9}],
    ids=lambda o: str(o),
)
def test_abandoning_leaves_nothing_behind(stack, options, temporary, threads):
    before = threads()
    untouched = stack.copy()
    slow, seen = Slow(stack, 0.015), 0
    for count in itertools.chain(range(1, 12, 3), range(14, 200, 13)):
        steps = iter_fuse(slow, memory_mb=0, tile_px=32, **options)
        events = [event for event, _ in zip(steps, range(count), strict=False)]
        seen += any(temporary.iterdir())
        steps.close()
        assert threads() <= before
        assert list(temporary.iterdir()) == []
        if isinstance(events[-1], Finished):
            break
    else:
        pytest.fail("the run never ended")
    assert seen > 1, "there was something to leave behind"
    np.testing.assert_array_equal(stack, untouched)


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        ("aligning", {"align": "translation"}),
        ("verifying", {"verification": "mode", "blend": "select", "verification_window_px": 9}),
    ],
    ids=lambda one: str(one),
)
def test_every_plane_can_be_told(stack, stage, options, monkeypatch):
    monkeypatch.setattr("napari_umis_fusion.runtime._workers.HEARTBEAT_S", 0)  # all planes are slow
    events, _ = run(iter_fuse(stack, focus_measure="laplacian", **options))
    told = {e.done for e in events if isinstance(e, Progress) and e.stage == stage}
    assert told >= set(range(PLANES))


def test_reading_in_advance_ends_with_the_run(stack, threads):
    before = threads()
    reading = threading.Event()

    class Watched(Slow):
        def __getitem__(self, z):
            if z == 1:
                reading.set()
            return super().__getitem__(z)

    steps = iter_fuse(Watched(stack, 0.1))
    while not reading.is_set():
        next(steps)
    steps.close()
    assert threads() <= before


def test_a_failing_run_leaves_nothing_behind(stack, temporary, threads):
    nan = stack.astype(np.float32)
    nan[-1, 0, 0] = np.nan
    before = threads()
    with pytest.raises(StackError, match="plane 3 holds 3 NaN"):
        fuse(nan, memory_mb=0)
    assert threads() <= before
    assert list(temporary.iterdir()) == []
