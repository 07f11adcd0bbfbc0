"""Generators in threads: what is told of their events, how they end, and pauses."""

import subprocess
import sys
import threading
import time

import pytest

from napari_umis_fusion.plugin.widgets._worker import Failed, make_worker

pytestmark = pytest.mark.binding


@pytest.fixture
def work(qtbot):
    """Run a generator function to its end, and return what its worker yielded."""

    def work(start, **options):
        told, over = [], []
        worker = make_worker(start, **options)
        worker.yielded.connect(told.append)
        worker.finished.connect(lambda: over.append(True))
        worker.start()
        qtbot.waitUntil(lambda: bool(over), timeout=10_000)
        return told

    return work


def fast():
    yield from range(500)


def broken():
    yield from range(3)
    raise RuntimeError("CUDA out of memory")


def test_bundled_no_event_is_left_out(work):
    told = work(fast, bundled=True)
    assert [event for bundle in told for event in bundle] == list(range(500))
    assert len(told) < 100


def test_else_fast_events_are_thinned_out_but_for_the_first_and_the_last(work):
    told = work(fast)
    assert (told[0], told[-1]) == (0, 499)
    assert len(told) < 100


@pytest.mark.parametrize("bundled", [False, True])
def test_errors_are_told_as_the_last_event(work, bundled):
    told = work(broken, bundled=bundled)
    last = told[-1][-1] if bundled else told[-1]
    assert isinstance(last, Failed)
    assert str(last.error) == "CUDA out of memory"
    if bundled:
        assert [event for bundle in told[:-1] for event in bundle] == [0, 1, 2]


def test_a_pause_that_is_taken_back_at_once_does_not_last(qtbot):
    """As when Stop is pressed just after Pause."""
    seen = []

    def slow():
        for step in range(20):
            time.sleep(0.02)
            seen.append(step)
            yield step

    worker = make_worker(slow)
    worker.start()
    for _ in range(5):
        worker.pause()
        worker.resume()
    qtbot.waitUntil(lambda: len(seen) == 20, timeout=5_000)
    assert worker.wait(5)


def test_paused_it_rests_until_it_goes_on_or_is_told_to_quit(qtbot):
    seen = []

    def endless():
        while True:
            time.sleep(0.01)
            seen.append(1)
            yield

    worker = make_worker(endless)
    worker.start()
    qtbot.waitUntil(lambda: len(seen) > 3, timeout=5_000)
    worker.pause()
    qtbot.waitUntil(lambda: worker.is_paused, timeout=5_000)
    count = len(seen)
    qtbot.wait(200)
    assert len(seen) == count
    worker.resume()
    qtbot.waitUntil(lambda: len(seen) > count + 3, timeout=5_000)
    worker.pause()
    worker.quit()
    assert worker.wait(5)


def test_told_to_quit_it_closes_the_generator_in_its_own_thread(qtbot):
    ended = []

    def endless():
        try:
            while True:
                time.sleep(0.01)
                yield
        finally:
            ended.append(threading.current_thread() is threading.main_thread())

    worker = make_worker(endless)
    worker.start()
    qtbot.wait(50)
    worker.quit()
    assert worker.wait(5)
    assert ended == [False]


AT_EXIT = """
import sys, time
from qtpy.QtWidgets import QApplication
application = QApplication([])
from napari_umis_fusion.plugin.widgets._worker import make_worker
def endless():
    try:
        while True:
            time.sleep(0.01)
            yield
    finally:
        print("closed", flush=True)
worker = make_worker(endless)
worker.start()
time.sleep(0.2)
"""


def test_work_ends_before_the_program_does():
    """Else Qt's objects would be gone under a thread that still works, and the program crash."""
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "closed\n"), done.stderr


def test_work_that_lasts_does_not_keep_other_work_waiting(qtbot):
    from qtpy.QtCore import QThreadPool

    pool, begun, over = QThreadPool.globalInstance(), [], []

    def last():
        begun.append(True)
        while True:
            time.sleep(0.01)
            yield

    workers = [make_worker(last) for _ in range(pool.maxThreadCount() + 2)]
    active = pool.activeThreadCount()
    for worker in workers:
        worker.finished.connect(lambda: over.append(True))
        worker.start()
    qtbot.waitUntil(lambda: len(begun) == len(workers), timeout=10_000)
    for worker in workers:
        worker.quit()
    qtbot.waitUntil(lambda: len(over) == len(workers), timeout=10_000)
    qtbot.waitUntil(lambda: pool.activeThreadCount() == active, timeout=10_000)
