"""Lines that a plane has from another plane, as of a buffer that was not filled anew."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE, PLANES = (120, 150), 7


@pytest.fixture(scope="module")
def stack():
    return make_stack("bars", SHAPE, planes=PLANES, channels=None, noisy=True, seed=4).stack


def healths_of(stack):
    return judge_planes(measure_plane(z, plane) for z, plane in enumerate(stack))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("start", "stop"), [(60, 120), (30, 50)])
@pytest.mark.parametrize(("z", "source"), [(3, 2), (1, 0), (6, 5), (5, 2), (2, 1)])
def test_lines_of_a_plane_before_are_left_out(stack, axis, start, stop, z, source):
    spoilt, lost = stack.copy(), np.zeros(SHAPE, np.bool_)
    turned, other, where = (one.swapaxes(0, axis) for one in (spoilt[z], stack[source], lost))
    turned[start:stop], where[start:stop] = other[start:stop], True
    found = healths_of(spoilt)
    assert [one.z for one in found if one.findings] == [z]
    assert found[z].findings == ("torn",)
    np.testing.assert_array_equal(found[z].unusable(spoilt[z]), lost)


def test_lines_that_stay_for_two_planes(stack):
    spoilt = stack.copy()
    spoilt[3:5, 60:] = stack[2, 60:]
    assert [one.z for one in healths_of(spoilt) if one.findings] == [3, 4]


@pytest.mark.parametrize("z", [0, 3, 6])
@pytest.mark.parametrize(("start", "source"), [(60, 46), (46, 60), (90, 20)])
@pytest.mark.parametrize("axis", [0, 1])
def test_lines_that_are_there_twice(stack, axis, start, source, z):
    spoilt, lost = stack.copy(), np.zeros(SHAPE, np.bool_)
    turned, where = spoilt[z].swapaxes(0, axis), lost.swapaxes(0, axis)
    turned[start : start + 14], where[start : start + 14] = turned[source : source + 14], True
    found = healths_of(spoilt)
    assert [one.z for one in found if one.findings] == [z]
    np.testing.assert_array_equal(found[z].unusable(spoilt[z]), lost)


def test_what_planes_share_by_construction_is_no_stale_line(stack):
    """As of drawings without noise, and of a ground where nothing is recorded."""
    drawn = np.repeat(stack[:1], PLANES, axis=0)
    for z in range(PLANES):
        drawn[z, 10 * z : 10 * z + 30] = stack[z, 10 * z : 10 * z + 30]
    dark = stack.copy()
    dark[:, 60:] = 0
    for planes in (drawn, dark):
        assert not any(one.findings for one in healths_of(planes))


def test_an_even_ground_is_the_same_by_chance(stack):
    """As a file that was compressed leaves it: lines that differ by a pixel or two."""
    planes, rows = stack.copy(), np.arange(SHAPE[0])[:, None]
    for z, plane in enumerate(planes):
        raised = np.arange(40) // 4 % 3 + (5 if z in (2, 4) else 5 + 8 * (z + 1))
        plane[:, 110:] = 200 + (rows < raised)
    assert not any(one.strips for one in healths_of(planes))
