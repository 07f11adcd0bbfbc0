"""Planes whose fine detail is not the specimen's."""

from functools import lru_cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.preprocess.health import notes_on
from napari_umis_fusion.preprocess.health._energies import detail_of
from napari_umis_fusion.preprocess.health._judge import judge_planes
from napari_umis_fusion.preprocess.health._own_detail import has_own_detail
from napari_umis_fusion.preprocess.health._statistics import measure_plane

SHAPE, PLANES = (136, 168), 8
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]


def textured(seed, detail=1.0):
    scene = gaussian_filter(np.random.default_rng(seed).normal(0, 1, SHAPE), detail)
    return 120 + 35 * scene / scene.std()


def blurred(scene, sigma):
    """Return a scene, each column of which is out of focus by its own sigma in px."""
    bank = np.stack([gaussian_filter(scene, k / 2) if k else scene for k in range(14)])
    low = np.clip((2 * sigma).astype(int), 0, 12)
    part = np.clip(2 * sigma - low, 0, 1)
    columns = np.arange(SHAPE[1])
    return (bank[low, :, columns] * (1 - part)[:, None]).T + (
        bank[low + 1, :, columns] * part[:, None]
    ).T


@lru_cache
def slope_of(seed, step=0.5, noise=1.0):
    """Return a slope of texture, in focus from left to right, uint8 (Z, Y, X)."""
    scene, rng = textured(seed), np.random.default_rng(seed)
    depth = np.linspace(0, PLANES - 1, SHAPE[1])
    planes = [blurred(scene, step * np.abs(depth - z)) for z in range(PLANES)]
    noisy = np.stack(planes) + rng.normal(0, noise, (PLANES, *SHAPE))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def coarse_noise(plane, rng):
    noise = gaussian_filter(rng.normal(0, 1, SHAPE), 1.5)
    return plane + 60 * noise / noise.std()


def fringes(plane, rng):
    turn = rng.uniform(0, np.pi)
    return plane + 35 * np.sin(
        (np.cos(turn) * X + np.sin(turn) * Y) * 2 * np.pi / rng.uniform(4, 9)
    )


FOREIGN = {
    "coarse noise": coarse_noise,
    "fringes": fringes,
    "row noise": lambda plane, rng: plane + rng.normal(0, 12, (SHAPE[0], 1)),
    "sharpened": lambda plane, _: plane + 4 * (plane - gaussian_filter(plane, 1.5)),
    "pixels of 4": lambda plane, _: plane[::4, ::4].repeat(4, 0).repeat(4, 1),
}


def spoilt(stack, z, what, seed):
    found = stack.copy()
    values = FOREIGN[what](stack[z].astype(float), np.random.default_rng(seed))
    found[z] = np.clip(np.rint(values), 0, 255)
    return found


def told_of(stack):
    planes = [measure_plane(z, plane) for z, plane in enumerate(stack)]
    return [
        z
        for z, plane in enumerate(planes)
        if has_own_detail(plane, planes[max(0, z - 3) : z], planes[z + 1 : z + 4])
    ]


@pytest.mark.parametrize("what", FOREIGN)
def test_they_are_told_or_left_out_and_no_other_plane_is(what):
    for seed, z in enumerate((3, 0, 7)):
        stack = spoilt(slope_of(seed), z, what, seed)
        found = judge_planes(measure_plane(k, plane) for k, plane in enumerate(stack))
        told = [one.z for one in found if one.is_left_out or "own detail" in one.findings]
        assert told == [z]


def test_a_note_tells():
    stack = spoilt(slope_of(0), 3, "fringes", 0)
    found = judge_planes(measure_plane(k, plane) for k, plane in enumerate(stack))
    (note,) = notes_on(found)
    assert note.startswith("plane 3 is of detail that focus does not explain")


@pytest.mark.parametrize("step", [0.2, 0.8, 2.5])
@pytest.mark.parametrize("planes", [3, 4, PLANES])
def test_planes_in_focus_stay_however_coarse_the_steps(step, planes):
    for seed in range(2):
        assert told_of(slope_of(seed, step)[:planes]) == []


def test_a_flat_specimen_and_layers_one_behind_the_other_stay():
    for seed in range(2):
        rng = np.random.default_rng(seed)
        far, net = textured(seed), 60.0 * ((X % 24 < 2) | (Y % 24 < 2))
        for layer in (0.0, net):
            off = np.full((PLANES, SHAPE[1]), np.arange(PLANES)[:, None], float)
            stack = [
                blurred(far, np.abs(o - 6)) + gaussian_filter(layer + 0 * far, 1.2 * abs(z - 2))
                for z, o in enumerate(off)
            ]
            noisy = np.stack(stack) + rng.normal(0, 1, (PLANES, *SHAPE))
            assert told_of(np.clip(noisy, 0, 255).astype(np.uint8)) == []


def test_planes_beside_a_dull_one_stay():
    for seed, z in enumerate((1, 3, 4, 6)):
        stack = slope_of(seed).copy()
        stack[z] = gaussian_filter(stack[z], 1.5)
        assert told_of(stack) == []


def test_single_specks_are_no_detail():
    stack = slope_of(0).copy()
    rng = np.random.default_rng(0)
    stack[3, rng.integers(1, SHAPE[0] - 1, 60), rng.integers(1, SHAPE[1] - 1, 60)] = 255
    assert told_of(stack) == []


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_energies_grow_as_the_square_and_know_no_offset_or_slope(dtype):
    plane = textured(0, 2.0)[..., None]
    least = np.array(1.0) if np.dtype(dtype).kind == "u" else np.array(0.0)
    usual = detail_of(np.rint(plane).astype(dtype)).energies
    other = detail_of(np.rint(plane / 2 + 40 + X[..., None] / 4).astype(dtype)).energies
    rings = slice(0, 12)  # finer ones hold what rounding adds
    ratio = np.median(usual[:, rings] / other[:, rings])
    assert ratio == pytest.approx(4, rel=0.05 + 0.2 * float(least))


def test_a_direction_has_its_own_energy():
    for turn, sector in ((0, 0), (np.pi / 2, 3)):
        wave = np.sin((np.cos(turn) * X + np.sin(turn) * Y) * 2 * np.pi / 5)
        found = detail_of(1e3 * wave[..., None]).energies.sum(axis=0).reshape(4, 6)
        assert found[1, sector] > 0.95 * found.sum()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_or_too_small_tells_nothing(value):
    plane = textured(0)[..., None]
    assert detail_of(plane[:31]) is None
    plane[20, 20] = value
    assert detail_of(plane) is None
    assert detail_of(np.full((64, 64, 1), 7.0)) is None
