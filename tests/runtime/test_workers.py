import threading
import time
from concurrent.futures import CancelledError

import pytest

from napari_umis_fusion.runtime import Workers, iter_parts, run_to_end, thread_count
from napari_umis_fusion.runtime._workers import HEARTBEAT_S


def test_parts_yield_while_threads_are_busy():
    release = threading.Event()
    done = []
    steps = iter_parts(lambda part: done.append(part) if release.wait(10) else None, [1, 2, 3], 2)
    next(steps)
    assert done == []
    release.set()
    run_to_end(steps)
    assert sorted(done) == [1, 2, 3]


def test_abandoned_parts_are_dropped():
    done = []

    def work(part):
        time.sleep(0.2)
        done.append(part)

    steps = iter_parts(work, list(range(50)), 1)
    next(steps)
    steps.close()
    assert len(done) < 5


def test_error_of_a_part_is_raised():
    def work(part):
        raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 7"):
        run_to_end(iter_parts(work, [7]))


@pytest.mark.parametrize(("asked", "threads"), [(0, thread_count()), (1, 1), (3, 3)])
def test_number_of_threads(asked, threads):
    with Workers(asked) as workers:
        assert workers.threads == threads


def test_as_many_jobs_at_once_as_threads():
    """Each waits until all have begun."""
    together = threading.Barrier(3, timeout=10)
    with Workers(3) as workers:
        run_to_end(workers.each(lambda part: together.wait(), range(3)))


def test_one_more_thread_reads_while_all_compute():
    read = threading.Event()
    seen = []
    with Workers(1) as workers:
        steps = workers.each(lambda part: seen.append(read.wait(2)), [1])
        next(steps)
        workers.submit(read.set)
        run_to_end(steps)
    assert seen == [True]


def test_waiting_for_a_result_yields():
    release = threading.Event()
    with Workers(1) as workers:
        steps = workers.result(workers.submit(lambda a, b: release.wait(10) and a + b, 2, 3))
        for _ in range(3):
            next(steps)
        release.set()
        assert run_to_end(steps) == 5


def test_result_that_is_there_needs_no_wait():
    with Workers(1) as workers:
        future = workers.submit(str, 7)
        future.result(10)
        assert list(workers.result(future)) == []


def test_many_short_jobs_yield_now_and_then(monkeypatch):
    """Or a thousand of them in a row could neither be watched nor abandoned."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Workers(1) as workers:
        future = workers.submit(str, 7)
        future.result(10)
        yields = 0
        for _ in range(1000):
            now[0] += HEARTBEAT_S / 10
            yields += len(list(workers.result(future)))
    assert 80 <= yields <= 100


def test_error_of_a_job_is_raised():
    with Workers(1) as workers, pytest.raises(ZeroDivisionError):
        run_to_end(workers.result(workers.submit(divmod, 1, 0)))


def test_leaving_ends_what_runs_and_drops_the_rest():
    release, began, done = threading.Event(), threading.Event(), []

    def job(part):
        began.set()
        release.wait(10)
        done.append(part)

    with Workers(1) as workers:
        futures = [workers.submit(job, part) for part in range(20)]
        waiting = workers.result(futures[-1])
        next(waiting)
        began.wait(10)
        waiting.close()
        assert done == []
        threading.Timer(0.1, release.set).start()
    assert 1 <= len(done) <= 2
    assert [future.cancelled() for future in futures].count(True) == 20 - len(done)
    assert not [thread for thread in threading.enumerate() if "umis-fusion" in thread.name]


def test_leaving_by_an_error_ends_the_threads():
    def fail():
        with Workers(2) as workers:
            workers.submit(time.sleep, 0.01)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not [thread for thread in threading.enumerate() if "umis-fusion" in thread.name]


def test_drain_returns_what_the_generator_returns():
    def steps():
        yield 1
        yield 2
        return 3

    assert run_to_end(steps()) == 3


def test_jobs_in_turn_share_a_thread():
    with Workers(2) as workers:
        threads = [workers.submit_ordered(threading.get_ident) for _ in range(8)]
        assert len({thread.result() for thread in threads}) == 1
        assert workers.submit(threading.get_ident).result() != threads[0].result()


def test_job_in_turn_may_ask_others_for_help():
    with Workers(2) as workers:
        squares = {}

        def square(number):
            squares[number] = number**2

        workers.submit_ordered(workers.run_all, square, range(20)).result(10)
    assert squares == {number: number**2 for number in range(20)}


def test_error_of_a_helper_is_raised_once_all_are_done():
    done = []

    def work(part):
        if part == 0:
            raise ValueError("part 0")
        time.sleep(0.1)
        done.append(part)

    with Workers(1) as workers, pytest.raises(ValueError, match="part 0"):
        workers.run_all(work, [0, 1, 2])
    assert sorted(done) == [1, 2]


def test_long_job_learns_that_nobody_waits():
    begun, told = threading.Event(), []

    def job():
        begun.set()
        try:
            while True:
                workers.check()
                time.sleep(0.01)
        except CancelledError:
            told.append(True)
            raise

    with Workers(1) as workers:
        workers.check()
        future = workers.submit_ordered(job)
        begun.wait(10)
    assert told == [True]
    assert isinstance(future.exception(), CancelledError)
