import numpy as np
import pytest
from scipy.ndimage import affine_transform

from napari_umis_fusion.alignment import apply, compose, corners_of, inverse, rescaled
from napari_umis_fusion.alignment._transforms import (
    about_centre,
    decompose,
    identity,
    is_identity,
    max_displacement_px,
    nearest_similarity,
)

SHAPE = (61, 80)


def similarity(scale, degrees, shift=(0, 0), shape=SHAPE):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return about_centre(scale * turn, shift, shape)


def random_transform(seed):
    rng = np.random.default_rng(seed)
    matrix = np.eye(2) + rng.uniform(-0.2, 0.2, (2, 2))
    return np.column_stack([matrix, rng.uniform(-20, 20, 2)])


@pytest.mark.parametrize("seed", range(5))
def test_composition_and_inverse(seed):
    one, other = random_transform(seed), random_transform(seed + 100)
    points = np.random.default_rng(seed).uniform(0, 100, (7, 2))
    assert np.allclose(apply(compose(one, other), points), apply(one, apply(other, points)))
    assert np.allclose(compose(inverse(one), one), identity())
    assert np.allclose(apply(inverse(one), apply(one, points)), points)


def test_identity():
    assert is_identity(identity())
    assert not is_identity(identity() + 1e-9)
    assert max_displacement_px(identity(), SHAPE) == 0


@pytest.mark.parametrize("shift", [(0, 0), (3.5, -2)])
@pytest.mark.parametrize(("scale", "degrees"), [(1, 0), (1.08, 0), (0.95, 3), (1, -7)])
def test_parts_are_those_it_was_made_of(scale, degrees, shift):
    parts = decompose(similarity(scale, degrees, shift), SHAPE)
    assert np.allclose(parts.shift_px, shift)
    assert parts.scale == pytest.approx(scale)
    assert parts.rotation_deg == pytest.approx(degrees)
    assert parts.shear == pytest.approx(0, abs=1e-9)


def test_shear_is_told():
    parts = decompose(about_centre(np.diag([1.02, 0.98]), (0, 0), SHAPE), SHAPE)
    assert parts.shear == pytest.approx(0.02)
    assert parts.scale == pytest.approx(1)


def test_reach_is_that_of_the_farthest_corner():
    transform = similarity(1.1, 0, (1, 0))
    moved = apply(transform, corners_of(SHAPE)) - corners_of(SHAPE)
    assert max_displacement_px(transform, SHAPE) == pytest.approx(np.hypot(*moved.T).max())


def test_nearest_similarity():
    turn = similarity(1.05, 4)[:, :2]
    assert np.allclose(nearest_similarity(turn), turn)
    assert np.allclose(nearest_similarity(np.diag([1.02, 0.98])), np.eye(2))


@pytest.mark.parametrize("factor", [2, 3])
def test_rescaled_is_the_same_motion_of_an_image_with_larger_pixels(factor):
    rng = np.random.default_rng(0)
    fine = np.kron(rng.random((20, 24)), np.ones((2 * factor, 2 * factor)))
    transform = np.column_stack([np.eye(2), (3 * factor, -2 * factor)])

    def reduced(image):
        rows, columns = (side // factor for side in image.shape)
        return image.reshape(rows, factor, columns, factor).mean((1, 3))

    def moved(image, by):
        return affine_transform(image, by[:, :2], by[:, 2], order=1, mode="nearest")

    inner = slice(8, -8), slice(8, -8)
    small = moved(reduced(fine), rescaled(transform, factor))
    assert np.allclose(small[inner], reduced(moved(fine, transform))[inner])
    turned = random_transform(3)
    assert np.allclose(rescaled(rescaled(turned, factor), 1 / factor), turned)
