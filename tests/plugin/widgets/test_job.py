"""A job: its events, its words, pause, cancel and what went wrong; and of several the latest."""

import time

import pytest
from napari.utils.progress import progress

from napari_umis_fusion.plugin.widgets import Job, LatestJob, Progress, _job
from napari_umis_fusion.plugin.widgets._job import Stopwatch, format_duration

pytestmark = pytest.mark.binding


class Told:
    """All that a job told, in order."""

    def __init__(self, job):
        self.all = []
        job.yielded.connect(lambda event: self.all.append(("told", event)))
        job.progressed.connect(lambda share, text: self.all.append(("progressed", share, text)))
        job.returned.connect(lambda value: self.all.append(("returned", value)))
        job.failed.connect(lambda error: self.all.append(("failed", str(error))))
        job.ended.connect(lambda: self.all.append(("ended",)))

    def names(self):
        return [one[0] for one in self.all]


@pytest.fixture
def run(qtbot):
    def run(job):
        told = Told(job)
        job.start()
        qtbot.waitUntil(lambda: "ended" in told.names(), timeout=10_000)
        return told

    return run


def counting(count=3, seconds=0.04):
    def count_up():
        for number in range(count):
            time.sleep(seconds)
            yield number
        return "done"

    return count_up


def failing():
    yield 0
    time.sleep(0.04)
    raise RuntimeError("CUDA out of memory")


def progress_of(number):
    return Progress(number / 10, f"number {number}", timed_share=number / 10)


@pytest.mark.parametrize("every_event", [False, True])
def test_events_then_what_it_returned_then_the_end(run, every_event):
    told = run(Job(counting(), every_event=every_event))
    assert [one[1] for one in told.all if one[0] == "told"] == [0, 1, 2]
    assert told.all[-2:] == [("returned", "done"), ("ended",)]


def test_events_that_come_in_while_the_bar_moves_do_not_nest(qtbot):
    """Else a window that is slower than the work would come to the limit of recursion."""
    waiting, nested = list(range(1, 10)), []

    class Bar:
        n, is_canceled, deep = 0, False, 0

        def update(self, steps):
            self.deep += 1
            nested.append(self.deep)
            if waiting:
                job._on_yielded(waiting.pop(0))
            self.deep -= 1

        def set_description(self, text):
            pass

    job = Job(counting(), report=progress_of)
    job._bar = Bar()
    told = Told(job)
    while waiting:
        job._on_yielded(waiting.pop(0))
    assert [one[1] for one in told.all if one[0] == "told"] == list(range(1, 10))
    assert [one[1] for one in told.all if one[0] == "progressed"] == [n / 10 for n in range(1, 10)]
    assert set(nested) == {1}


@pytest.mark.parametrize("every_event", [False, True])
def test_what_goes_wrong_is_told_instead(run, every_event):
    told = run(Job(failing, every_event=every_event))
    assert told.all[-2:] == [("failed", "CUDA out of memory"), ("ended",)]
    assert "returned" not in told.names()


def test_progress_in_words_and_in_the_activity_dock(run, monkeypatch):
    job = Job(counting(), "Counting", progress_of)
    (bar,) = [one for one in progress._all_instances if one.desc.startswith("Counting")]
    monkeypatch.setattr(job._clock, "left_s", lambda share: 75.0 if share == 0.2 else None)
    compiling = iter((False, True, False))
    monkeypatch.setattr(_job, "is_compiling", lambda: next(compiling))
    descriptions = []
    bar.events.description.connect(lambda event: descriptions.append(event.value))
    told = run(job)
    words = [one[1:] for one in told.all if one[0] == "progressed"]
    assert words == [
        (0.0, "number 0"),
        (0.1, "number 1, compiling for this computer, once"),
        (0.2, "number 2, 1 min 15 s left"),
    ]
    assert descriptions[-1] == "Counting: number 2, 1 min 15 s left"
    assert job.doing == "number 2", "without the time, for a pause"
    assert bar not in progress._all_instances


@pytest.mark.parametrize("pauses", [False, True])
def test_the_button_of_the_activity_dock_cancels(qtbot, pauses):
    job = Job(counting(1000), "Counting", progress_of)
    told = Told(job)
    job.start()
    qtbot.waitUntil(lambda: "told" in told.names(), timeout=5_000)
    if pauses:
        job.toggle_pause()
        qtbot.waitUntil(lambda: job.is_resting, timeout=5_000)
    job._bar.cancel()
    qtbot.waitUntil(lambda: "ended" in told.names(), timeout=5_000)
    assert job.was_cancelled


def test_cancelled_it_tells_nothing_more_but_its_end(qtbot):
    job = Job(counting(1000))
    told = Told(job)
    job.start()
    qtbot.waitUntil(lambda: "told" in told.names(), timeout=5_000)
    job.cancel()
    before = len(told.all)
    qtbot.waitUntil(lambda: "ended" in told.names(), timeout=5_000)
    assert told.all[before:] == [("ended",)]


def test_cancelled_before_it_began_it_never_does(qtbot):
    begun = []

    def start():
        begun.append(True)
        yield

    job = Job(start, "Never")
    told = Told(job)
    job.cancel()
    job.cancel()
    job.start()
    qtbot.wait(100)
    assert told.all == [("ended",)]
    assert not begun
    assert not job.wait(0)
    assert not [one for one in progress._all_instances if one.desc.startswith("Never")]


def test_paused_it_rests_until_it_is_resumed(qtbot):
    job = Job(counting(1000, 0.01))
    told = Told(job)
    job.start()
    qtbot.waitUntil(lambda: len(told.all) > 2, timeout=5_000)
    job.toggle_pause()
    qtbot.waitUntil(lambda: job.is_resting, timeout=5_000)
    qtbot.wait(100)
    count = len(told.all)
    qtbot.wait(200)
    assert len(told.all) == count
    job.toggle_pause()
    qtbot.waitUntil(lambda: len(told.all) > count, timeout=5_000)
    job.cancel()
    assert job.wait(5)


def test_of_several_only_the_latest_counts(qtbot):
    latest, done = LatestJob(delay_ms=0), []
    latest.done.connect(done.append)

    def number(value):
        def start():
            for _ in range(5):
                time.sleep(0.02)
                yield
            return value

        return start

    for value in range(4):
        latest.submit(number(value))
        qtbot.wait(30)
    qtbot.waitUntil(lambda: not latest.is_busy, timeout=5_000)
    assert done == [3]


def test_a_failure_that_nobody_waits_for_is_not_told(qtbot):
    latest, told = LatestJob(delay_ms=0), []
    latest.failed.connect(lambda error: told.append(str(error)))
    latest.done.connect(told.append)
    latest.submit(failing)
    qtbot.waitUntil(lambda: latest._job is not None, timeout=5_000)
    latest.submit(counting(1))
    qtbot.waitUntil(lambda: not latest.is_busy, timeout=5_000)
    assert told == ["done"]
    latest.submit(failing)
    qtbot.waitUntil(lambda: not latest.is_busy, timeout=5_000)
    assert told == ["done", "CUDA out of memory"]


def test_cancel_drops_what_waits_too(qtbot):
    latest, done = LatestJob(delay_ms=50), []
    latest.done.connect(done.append)
    latest.submit(counting(1))
    latest.cancel()
    assert not latest.is_busy
    qtbot.wait(150)
    assert done == []


def test_time_left_leaves_pauses_out():
    now = [0.0]
    watch = Stopwatch(lambda: now[0])
    assert watch.left_s(0.5) is None  # too early to tell
    now[0] = 10.0
    assert watch.left_s(0.25) == 30.0
    watch.pause()
    now[0] = 100.0
    assert watch.left_s(0.25) == 30.0
    watch.resume()
    now[0] = 110.0
    assert watch.left_s(0.5) == 20.0


def test_time_left_of_what_began_later_and_paused():
    now = [0.0]
    watch = Stopwatch(lambda: now[0])
    now[0] = 50.0
    watch.pause()
    now[0] = 60.0
    watch.restart()
    assert watch.is_paused
    now[0] = 80.0
    watch.resume()
    now[0] = 90.0
    assert watch.left_s(0.5) == 10.0


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (42, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds, words):
    assert format_duration(seconds) == words
