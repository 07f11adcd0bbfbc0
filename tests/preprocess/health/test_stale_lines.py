"""Rows that a plane before left in a buffer do not compete, and what all planes share does."""

import numpy as np
import pytest

from napari_umis_fusion import fuse
from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE = (120, 160)


def stack_of(scene="discs", planes=7, **options):
    return make_stack(scene, SHAPE, planes=planes, seed=8, **options).stack


def torn(stack):
    health = judge_planes([measure_plane(z, plane) for z, plane in enumerate(stack)])
    return {one.z: one.strips for one in health if "torn" in one.findings}


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize(("start", "stop"), [(70, 120), (0, 45), (40, 70)])
@pytest.mark.parametrize("z", [1, 3, 6])
def test_rows_of_the_plane_before_are_found(noisy, channels, start, stop, z):
    stack = stack_of(noisy=noisy, channels=channels)
    stack[z, start:stop] = stack[z - 1, start:stop]
    (found,) = torn(stack).items()
    # The mean of one more row may be equal by chance.
    np.testing.assert_allclose(found[1], [(0, start, stop)], rtol=0, atol=1)
    assert found[0] == z


def test_they_may_be_those_of_an_earlier_plane():
    stack = stack_of(noisy=True)
    stack[4, 60:] = stack[2, 60:]
    assert torn(stack) == {4: ((0, 60, 120),)}


@pytest.mark.parametrize("scene", ["bumps", "bars", "fluorescence", "weak_texture"])
def test_sound_planes_have_none(scene):
    assert torn(stack_of(scene, 20)) == {}


def test_a_bar_with_text_that_all_planes_have_is_none():
    stack = stack_of(noisy=True)
    stack[:, 100:] = np.random.default_rng(0).integers(0, 2, (20, *stack.shape[2:])) * 255
    assert torn(stack) == {}


def test_they_do_not_compete():
    stack = stack_of("bumps", noisy=True)
    stack[3, 60:] = stack[2, 60:]
    assert notes_on(judge_planes([measure_plane(z, plane) for z, plane in enumerate(stack)])) == [
        "plane 3 is torn: what was not written is left out"
    ]
    result = fuse(stack, focus_measure="laplacian", threads=1)
    assert not (result.index_map[66:] == 3).any()
    assert (result.index_map[:54] == 3).any()
