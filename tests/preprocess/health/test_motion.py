"""Planes that moved while others stayed, as a whole or in part."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._judge import PlaneJudge, judge_planes
from napari_umis_fusion.preprocess.health._profiles import profiles_of, shifts_between
from napari_umis_fusion.preprocess.health._statistics import measure_plane
from napari_umis_fusion.synthetic import make_stack

SHAPE, PLANES = (192, 224), 7


@pytest.fixture(scope="module")
def stack():
    return make_stack("bars", SHAPE, planes=PLANES, channels=None, noisy=True, seed=2).stack


def rotated(plane, degrees=0.0, scale=1.0):
    angle, centre = np.deg2rad(degrees), np.array(plane.shape) / 2
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    return affine_transform(plane, matrix, centre - matrix @ centre, order=1, mode="reflect")


MOTIONS = {
    "along": lambda plane: np.roll(plane, 4, 1),
    "back": lambda plane: np.roll(plane, -9, 1),
    "down": lambda plane: np.roll(plane, 10, 0),
    "both": lambda plane: np.roll(plane, (3, -3), (0, 1)),
    "rotated": lambda plane: rotated(plane, 2.0),
    "magnified": lambda plane: rotated(plane, scale=0.96),
    "skewed": lambda plane: np.stack([np.roll(row, k // 24) for k, row in enumerate(plane)]),
}


def findings_of(stack):
    found = judge_planes(measure_plane(z, plane) for z, plane in enumerate(stack))
    return {one.z: one.findings for one in found if one.findings}


@pytest.mark.parametrize("z", [0, 3])
@pytest.mark.parametrize("name", MOTIONS)
def test_a_plane_that_moved_is_named(stack, name, z):
    moved = stack.copy()
    moved[z] = MOTIONS[name](stack[z])
    assert findings_of(moved) == {z: ("moved",)}


@pytest.mark.parametrize("z", [0, 3])
@pytest.mark.parametrize("value", [0, 255])
def test_a_plane_that_moved_and_is_padded_is_left_out(stack, value, z):
    moved = stack.copy()
    moved[z] = np.roll(stack[z], (5, -6), (0, 1))
    moved[z][:5], moved[z][:, -6:] = value, value
    assert findings_of(moved) == {z: ("moved",)}


@pytest.mark.parametrize("z", [0, 3])
def test_a_plane_that_is_padded_in_place_stays(stack, z):
    padded = np.maximum(stack, 1)
    padded[z][:17], padded[z][:, -30:] = 0, 0
    assert findings_of(padded) == {z: ("torn",)}


@pytest.mark.parametrize("step", [1, 2])
def test_how_far_is_told(stack, step):
    wide = stack.repeat(step, axis=1).repeat(step, axis=2) if step > 1 else stack
    wide = np.tile(wide, (1, 3, 3))[:, : 600 * step, : 600 * step]
    pair = [profiles_of(plane[..., None]) for plane in (np.roll(wide[2], (4, -6), (1, 0)), wide[2])]
    for (shift, alike), true in zip(shifts_between(*pair), (4, -6), strict=True):
        assert alike.min() > 0.9
        np.testing.assert_allclose(shift, true, atol=0.3)


def test_two_planes_that_moved_together_are_named(stack):
    moved = stack.copy()
    moved[2:4] = np.roll(stack[2:4], 6, 2)
    assert findings_of(moved) == {2: ("moved",), 3: ("moved",)}


def test_the_rest_of_a_stack_that_moved_is_told(stack):
    moved = stack.copy()
    moved[4:] = np.roll(stack[4:], 5, 1)
    assert findings_of(moved) == {4: ("place",)}


def test_a_drift_is_told_and_leaves_out_nothing(stack):
    drifting = np.stack([np.roll(plane, 2 * z, 1) for z, plane in enumerate(stack)])
    assert findings_of(drifting) == dict.fromkeys(range(1, PLANES), ("adrift",))
    slowly = np.stack([np.roll(plane, z // 2, 1) for z, plane in enumerate(stack)])
    assert findings_of(slowly) == {}


@pytest.mark.parametrize(
    ("rows", "by"),
    [(np.s_[96:], 20), (np.s_[96:], -4), (np.s_[128:], 7), (np.s_[:80], 12)],
    ids=str,
)
def test_lines_that_moved_alone_do_not_count(stack, rows, by):
    moved = stack.copy()
    moved[3][rows] = np.roll(stack[3][rows], by, 1)
    found = judge_planes(measure_plane(z, plane) for z, plane in enumerate(moved))
    assert {one.z: one.findings for one in found if one.findings} == {3: ("shifted",)}
    unusable = found[3].unusable(moved[3])
    truth = np.zeros(SHAPE, bool)
    truth[rows] = True
    assert unusable[truth].all(), "all that moved"
    assert unusable.mean() < truth.mean() + 0.15, "and little more"
    assert not found[3].is_left_out
    part = found[3].within(slice(40, 140), slice(0, 50))
    np.testing.assert_array_equal(part.unusable(moved[3][40:140, :50]), unusable[40:140, :50])


def test_lines_that_jumped_each_by_itself(stack):
    rng, moved = np.random.default_rng(0), gaussian_filter(stack, (0, 0.5, 0.5))
    moved[3] = [
        np.roll(row, by) for row, by in zip(moved[3], rng.integers(-3, 4, 192), strict=True)
    ]
    assert findings_of(moved) == {3: ("lines",)}


def test_planes_that_are_aligned_may_move(stack):
    moved = stack.copy()
    moved[3] = np.roll(stack[3], 6, 1)
    judge = PlaneJudge(is_aligned=True)
    found = [one for z, plane in enumerate(moved) for one in judge.add(measure_plane(z, plane))]
    assert not any(one.findings for one in (*found, *judge.finish()))


def test_notes_say_how_far_and_what_to_do(stack):
    moved = stack.copy()
    moved[2] = np.roll(stack[2], 4, 1)
    moved[5, 96:] = np.roll(stack[5, 96:], 9, 1)
    found = judge_planes(measure_plane(z, plane) for z, plane in enumerate(moved))
    assert notes_on(found) == [
        "plane 2 is moved against the planes before and after, by about 4 px: left out; "
        'align="auto" puts planes in place',
        "plane 5 is shifted in some of its lines, by about 9 px: these are left out",
    ]


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e30])
def test_planes_that_show_nothing_do_not_move(stack, value):
    planes = np.zeros((4, *SHAPE), np.float32)
    planes[:, 20:60, 30:90] = value
    planes[2, 22:62, 30:90] = value
    assert "moved" not in findings_of(planes).get(2, ())


@pytest.mark.parametrize("shape", [(40, 300), (79, 80), (80, 81)])
def test_small_planes_tell_nothing_or_little(shape):
    rng = np.random.default_rng(0)
    assert findings_of(rng.integers(0, 255, (5, *shape)).astype(np.uint8)) == {}
