"""What is not sound of a plane is the same in parts of it, and takes little memory."""

import tracemalloc

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import Gaps, MovingParts, PlaneHealth, screened
from napari_umis_fusion.preprocess.health._gaps import PackedMask
from napari_umis_fusion.stack import CheckedPlane


def window_in(rng, shape):
    sides = [np.sort(rng.choice(side + 1, 2, replace=False)) for side in shape]
    return tuple(slice(int(first), int(last)) for first, last in sides)


def test_a_packed_map_is_unpacked_in_any_rectangle():
    rng = np.random.default_rng(0)
    for _ in range(30):
        shape = int(rng.integers(1, 600)), int(rng.integers(1, 40))
        mask = rng.random(shape) < rng.choice([0.0, 0.3, 1.0])
        window = window_in(rng, shape)
        np.testing.assert_array_equal(PackedMask(mask).within(*window), mask[window])


def spoilt(rng, dtype, channels):
    """Return a plane, part of which is of one value and part too bright, with its health."""
    shape = (150, 90, channels) if channels else (150, 90)
    plane = rng.integers(20, 200, shape).astype(dtype)
    plane[rng.integers(60, 140) :] = 7
    plane[10:30, 20:60] = 230
    tops, gaps = ((230.0,) * (channels or 1), ((0, 7.0),))
    strips = ((int(rng.integers(2)), 40, 45),)
    chosen = rng.permutation(3) if rng.random() < 0.7 else range(3)
    kept = {"tops": tops, "gaps": gaps, "strips": strips}
    for name in np.array(list(kept))[list(chosen)[:1]]:
        kept.pop(name)
    gain, offset = rng.choice([(1.0, 0.0), (1.3, -4.0)])
    return plane, PlaneHealth(3, gain=float(gain), offset=float(offset), **kept)


@pytest.mark.parametrize(("dtype", "channels"), [("uint16", 0), ("uint8", 3), ("float32", 0)])
def test_a_part_competes_as_in_the_whole_plane(dtype, channels):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        plane, health = spoilt(rng, dtype, channels)
        whole = screened(CheckedPlane(plane, None), health)
        window, gaps = window_in(rng, plane.shape[:2]), Gaps()
        parts = gaps.within(health, lambda _, plane=plane: plane, *window)
        part = screened(CheckedPlane(plane[window], None), health.within(*window), parts)
        np.testing.assert_array_equal(part.plane, whole.plane[window])
        missing = whole.invalid[window]
        found = np.zeros(missing.shape, bool) if part.invalid is None else part.invalid
        np.testing.assert_array_equal(found, missing)
        assert part.invalid is None or part.invalid.any()


def test_gaps_are_looked_for_once():
    plane = np.full((64, 64), 9, np.uint8)
    plane[:32] = np.random.default_rng(0).integers(20, 200, (32, 64))
    reads, health, gaps = [], PlaneHealth(5, gaps=((0, 9.0),)), Gaps()

    def read(z):
        reads.append(z)
        return plane

    for _ in range(3):
        assert gaps.within(health, read, slice(40, 50), slice(0, 8)).all()
    assert gaps.within(PlaneHealth(6), read, slice(0, 4), slice(0, 4)) is None
    assert reads == [5]


def test_what_is_not_sound_takes_little_memory():
    """In double precision, whole planes would take 8 bytes a pixel and more."""
    rng = np.random.default_rng(0)
    plane = rng.integers(0, 200, (4096, 256)).astype(np.uint16)
    plane[2000:] = 7
    health = PlaneHealth(0, gain=1.2, tops=(190.0,), gaps=((0, 7.0),))
    tracemalloc.start()
    screened(CheckedPlane(plane, None), health)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Labels take 4, some maps of bools 1 each, and the plane that is made 2.
    assert peak < 11 * plane.size


def test_parts_that_move_are_those_of_the_whole_plane():
    rng = np.random.default_rng(1)
    moving = MovingParts(rng.random((2, 7, 9)) < 0.4, 5)
    whole = moving.mask(1, (38, 47))
    for _ in range(10):
        window = window_in(rng, whole.shape)
        np.testing.assert_array_equal(moving.mask(1, (38, 47), *window), whole[window])
