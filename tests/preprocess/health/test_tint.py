"""Planes of other colours than those around are told, and specimens of many colours are not."""

from functools import cache

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE = (128, 160)


@cache
def stack_of(scene, planes=7, **options):
    """Return a rendered stack, not to be changed."""
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


@pytest.mark.parametrize(
    ("scene", "gains"),
    [
        ("bumps", (1.08, 1, 1)),
        ("weak_texture", (1, 1, 0.9)),
        ("bumps", (0.85, 0.95, 0.85)),
    ],
)
@pytest.mark.parametrize(("planes", "z"), [(7, 0), (7, 3), (7, 6), (3, 1), (4, 2)])
def test_one_plane_of_another_white_balance_is_told(scene, gains, planes, z):
    assert tinted(balanced(stack_of(scene, planes), [z], gains)) == [z]


@pytest.mark.parametrize("gains", [(1.3, 1, 0.7), (0.5, 1, 1.1)])
@pytest.mark.parametrize("planes", [[3], [6], [3, 4]])
def test_colours_of_such_planes_are_evened(planes, gains):
    sound = stack_of("weak_texture") // 2 + 20
    stack = balanced(sound, planes, gains)
    healths = judged(stack)
    assert [one.z for one in healths if one.findings] == planes
    for z in planes:
        assert not healths[z].is_left_out
        even = healths[z].scaled(stack[z]).astype(float)
        np.testing.assert_allclose(even.mean((0, 1)), sound[z].mean((0, 1)), rtol=0.03)
        part = healths[z].scaled(stack[z][10:20, 30:50])
        np.testing.assert_array_equal(part, even[10:20, 30:50])
    told = healths[planes[0]].describe()
    assert told["gain"] == pytest.approx(gains, rel=0.03)
    assert notes_on(healths)[0].endswith("of other colours than those around: scaled to them")


def test_light_in_one_channel_is_evened_and_corrections_keep_it_so():
    sound = stack_of("weak_texture").astype(np.float64) / 2 + 20
    stack = sound.copy()
    stack[3] += (0, 12, 0)
    health = judged(np.rint(stack).astype(np.uint8))[3]
    assert health.findings == ("tint",)
    corrected = health.corrected(lambda values: (values - 7) / 2)
    even = corrected.scaled((stack[3] - 7) / 2)
    np.testing.assert_allclose(even, health.scaled(stack[3]) / 2 - 3.5, atol=1e-9)
    assert np.abs(2 * even + 7 - sound[3]).max() < 6


def test_a_white_balance_that_changes_for_good_is_told_once():
    stack = balanced(stack_of("weak_texture"), slice(4, None), (1.1, 1, 0.92))
    assert tinted(stack) == [4]
    (note,) = notes_on(judged(stack))
    assert note.startswith("plane 4 is of other colours than all before: set the white")


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
