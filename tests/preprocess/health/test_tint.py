"""Planes of other colours than those around are told, and specimens of many colours are not."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE = (128, 160)


def stack_of(scene, planes=7, **options):
    return make_stack(scene, SHAPE, planes=planes, seed=5, **options).stack


def balanced(stack, planes, gains):
    """Return a stack of which some planes have other gains of their channels."""
    wide = stack.astype(np.float64)
    wide[planes] *= gains
    return np.clip(np.rint(wide), 0, np.iinfo(stack.dtype).max).astype(stack.dtype)


def judged(stack):
    return judge_planes([measure_plane(z, plane) for z, plane in enumerate(stack)])


def tinted(stack):
    return [health.z for health in judged(stack) if "tint" in health.findings]


@pytest.mark.parametrize("scene", ["bumps", "weak_texture"])
@pytest.mark.parametrize("gains", [(1.08, 1, 1), (1, 1, 0.9), (0.85, 0.95, 0.85)])
@pytest.mark.parametrize(("planes", "z"), [(7, 0), (7, 3), (7, 6), (3, 1), (4, 2)])
def test_one_plane_of_another_white_balance_is_told(scene, gains, planes, z):
    assert tinted(balanced(stack_of(scene, planes), [z], gains)) == [z]


def test_a_white_balance_that_changes_for_good_is_told_once():
    stack = balanced(stack_of("weak_texture"), slice(4, None), (1.1, 1, 0.92))
    assert tinted(stack) == [4]
    (note,) = notes_on(judged(stack))
    assert note.startswith("plane 4 is of other colours than planes next to it: set the white")


def test_of_16_bit_planes_and_of_two_channels_too():
    stack = stack_of("bumps").astype(np.uint16) * 200
    assert tinted(balanced(stack, [2], (1.1, 1, 1))) == [2]
    assert tinted(balanced(stack[..., :2], [2], (1.1, 1))) == [2]


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("scene", ["bumps", "discs", "bars", "weak_texture"])
def test_colours_of_the_specimen_are_none(scene, noisy):
    assert tinted(stack_of(scene, noisy=noisy)) == []


def test_neither_is_more_light_nor_a_border_without_any():
    stack = stack_of("bumps")
    brighter = balanced(stack, [3], (0.7, 0.7, 0.7))
    assert tinted(brighter) == []
    torn = stack.copy()
    torn[3, 60:] = 0
    assert tinted(torn) == []
    opaque = np.concatenate([brighter, np.full_like(stack[..., :1], 255)], axis=-1)
    assert tinted(opaque) == []


def test_grey_planes_have_no_colours():
    assert tinted(stack_of("bumps", channels=None)) == []
