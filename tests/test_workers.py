import threading
import time

import pytest

from napari_umis_fusion.tiles import bands
from napari_umis_fusion.workers import drain, iter_parts


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (10, 3, [(0, 3), (3, 6), (6, 10)]),
        (2, 8, [(0, 1), (1, 2)]),
        (5, 1, [(0, 5)]),
    ],
)
def test_bands_cover_the_length(length, count, expected):
    assert bands(length, count) == expected


def test_parts_yield_while_threads_are_busy():
    release = threading.Event()
    done = []
    steps = iter_parts(lambda part: done.append(part) if release.wait(10) else None, [1, 2, 3], 2)
    next(steps)
    assert done == []
    release.set()
    drain(steps)
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
        drain(iter_parts(work, [7]))
