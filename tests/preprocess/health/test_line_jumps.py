"""Lines that jump to one side, each by itself."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._line_jumps import line_jumps, lines_jump
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE = (96, 112)


def jumping(plane, axis, most=3):
    """Return a plane whose rows (0) or columns (1) jump by so many pixels."""
    lines = np.moveaxis(plane.copy(), axis, 0)
    steps = np.random.default_rng(4).integers(-most, most + 1, len(lines))
    for line, step in zip(lines, steps, strict=True):
        line[...] = np.roll(line, step, axis=0)
    return np.moveaxis(lines, 0, axis)


def left_out(stack):
    found = judge_planes(measure_plane(z, plane) for z, plane in enumerate(stack))
    return {one.z: one.findings for one in found if one.is_left_out}


@pytest.mark.parametrize("name", ["bumps", "discs", "weak_texture"])
def test_they_are_left_out_in_noise(name):
    stack = make_stack(name, SHAPE, planes=6, noisy=True, seed=11).stack
    assert not left_out(stack)
    for axis, z in ((0, 3), (1, 5)):
        spoilt = stack.copy()
        spoilt[z] = jumping(stack[z], axis)
        assert left_out(spoilt) == {z: ("lines",)}


def test_a_stack_of_such_planes_is_fused():
    stack = make_stack("bumps", SHAPE, planes=4, seed=2).stack
    assert not left_out(np.stack([jumping(plane, 0) for plane in stack]))


def test_a_first_plane_far_from_focus_stays_where_those_next_to_it_are_padded():
    far, padded = ((0.55, -0.1), (0.1, 0.0)), ((0.16, 1.0), (0.1, 0.0))
    assert not lines_jump(far, [padded, padded], is_end=True)
    assert lines_jump(far, [((0.1, 1.0), (0.1, 0.0))] * 2, is_end=True)


def test_slanted_lines_in_focus_jump_to_one_side():
    rows, columns = np.indices(SHAPE)
    slanted = 100 + 80 * np.sin((rows + columns) * 2 * np.pi / 7)[..., None]
    (share, direction), _ = jumps = line_jumps(slanted)
    assert share > 0.9
    assert abs(direction) == 1
    dull = line_jumps(np.full((*SHAPE, 1), 100.0))
    assert not lines_jump(jumps, [dull, dull], is_end=False)


def test_noise_alone_fits_by_chance_and_jumps_nowhere():
    values = np.random.default_rng(0).normal(100, 5, (96, 88, 1))
    assert all(share < 0.2 for share, _ in line_jumps(values))


@pytest.mark.parametrize("values", [np.full((*SHAPE, 1), 1e300), np.zeros((40, 200, 1))])
def test_planes_that_tell_nothing(values):
    assert all(share == 0 for share, _ in line_jumps(values))
