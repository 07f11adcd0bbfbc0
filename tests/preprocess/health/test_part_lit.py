"""Lines in a light of their own: the lamp changed while a frame was read."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE, PLANES = (120, 150), 7


@pytest.fixture(scope="module")
def stack():
    return make_stack("bumps", SHAPE, planes=PLANES, noisy=True, seed=4).stack


def healths_of(stack):
    return judge_planes(measure_plane(z, plane) for z, plane in enumerate(stack))


@pytest.mark.parametrize(("z", "gain"), [(0, 0.4), (3, 0.75), (PLANES - 1, 0.75)])
@pytest.mark.parametrize("lines", [np.s_[:50], np.s_[80:], np.s_[:, 40:], np.s_[:, :60]])
def test_they_are_left_out(stack, lines, gain, z):
    spoilt = stack.copy()
    spoilt[z][lines] = np.rint(gain * spoilt[z][lines])
    found = healths_of(spoilt)
    assert [one.z for one in found if one.findings] == [z]
    assert found[z].findings == ("part lit",)
    where = np.zeros(SHAPE, np.bool_)
    where[lines] = True
    lost = found[z].unusable(spoilt[z])
    assert lost[where].all()
    assert lost.sum() <= where.sum() + 3 * max(SHAPE)
    assert "lit otherwise in some of its lines: these are left out" in notes_on(found)[0]


@pytest.mark.parametrize("z", [1, 4])
def test_lines_in_the_dark_are_left_out_alone(stack, z):
    spoilt = stack.copy()
    spoilt[z][70:] = np.random.default_rng(0).integers(2, 6, spoilt[z][70:].shape)
    found = healths_of(spoilt)
    assert {one.z: one.findings for one in found if one.findings} == {z: ("part lit",)}
    assert not found[z].is_left_out


def test_light_that_falls_off_is_none(stack):
    slope = np.linspace(1, 0.6, SHAPE[0])[:, None, None]
    spoilt = stack.copy()
    spoilt[3] = np.rint(slope * spoilt[3])
    assert all("part lit" not in one.findings for one in healths_of(spoilt))


def test_it_is_no_change_of_light_for_planes_after_it(stack):
    spoilt = stack.copy()
    spoilt[2][:70] = np.rint(0.5 * spoilt[2][:70])
    assert {one.z: one.findings for one in healths_of(spoilt) if one.findings} == {2: ("part lit",)}
