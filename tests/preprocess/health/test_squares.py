"""Planes of larger pixels than those around."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.preprocess.health._texture import square_of
from napari_umis_fusion.synthetic import make_stack


def stack_of(channels=None):
    return make_stack("bumps", (97, 134), planes=6, channels=channels, noisy=True, seed=5).stack


def enlarged(plane, side, first=0):
    """Return a plane of squares, whose first ones are cut off by so many pixels."""
    large = plane[::side, ::side].repeat(side, 0).repeat(side, 1)[first:, first:]
    return np.pad(large, [(0, first)] * 2 + [(0, 0)] * (plane.ndim - 2), mode="edge")[
        : plane.shape[0], : plane.shape[1]
    ]


def left_out(stack):
    found = judge_planes(measure_plane(z, plane) for z, plane in enumerate(stack))
    return {one.z: one.findings for one in found if one.is_left_out}


@pytest.mark.parametrize("side", [2, 3, 4, 6])
@pytest.mark.parametrize(("channels", "dtype"), [(None, "uint16"), (3, "uint8"), (None, "float64")])
def test_their_side_is_found(side, channels, dtype):
    plane = stack_of(channels)[2].reshape(97, 134, -1).astype(dtype)
    assert square_of(plane) == 1
    for first in (0, side // 2):
        assert square_of(enlarged(plane, side, first)) == side


@pytest.mark.parametrize("z", [0, 3, 5])
def test_they_are_left_out(z):
    stack = stack_of()
    assert not left_out(stack)
    stack[z] = enlarged(stack[z], 2)
    assert left_out(stack) == {z: ("squares",)}
    (note,) = notes_on(judge_planes(measure_plane(k, plane) for k, plane in enumerate(stack)))
    assert note.startswith(f"plane {z} is of larger pixels than the planes before and after")


def test_a_stack_of_such_planes_is_fused():
    stack = stack_of()
    assert not left_out(np.stack([enlarged(plane, 2) for plane in stack]))
    assert not left_out(np.stack([enlarged(p, 2) if z > 2 else p for z, p in enumerate(stack)]))


def test_a_chart_of_two_tones_is_none():
    chart = (np.indices((96, 128)) // 4).sum(axis=0) % 2 * np.uint8(200)
    assert square_of(chart[..., None]) == 1


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 1), (40, 3, 2)])
def test_small_planes_have_none(shape):
    assert square_of(np.zeros(shape, np.uint8)) == 1
