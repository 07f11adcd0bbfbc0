"""Planes whose detail is not that of the planes around."""

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.preprocess.health._judge import PlaneJudge, judge_planes
from napari_umis_fusion.preprocess.health._statistics import measure_plane

SHAPE, PLANES = (144, 160), 7


@cache
def stack_of(seed, sharp=3.0):
    """Return a slope of fine texture, in focus from left to right, uint8, not to be changed."""
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.normal(0, 1, SHAPE), 1.5)
    scene = 128 + 40 * scene / scene.std()
    blurred = np.stack([gaussian_filter(scene, blur) for blur in range(PLANES)])
    depth = np.linspace(0, PLANES - 1, SHAPE[1])
    planes = []
    for z in range(PLANES):
        off = np.abs(depth - z) * sharp / 3
        low = np.clip(off.astype(int), 0, PLANES - 2)
        part = np.clip(off - low, 0, 1)
        columns = np.arange(SHAPE[1])
        here = blurred[low, :, columns].T * (1 - part)
        planes.append(here + blurred[low + 1, :, columns].T * part)
    noisy = np.stack(planes) + rng.normal(0, 2, (PLANES, *SHAPE))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def texture(plane, seed):
    """Return another texture of the same mean and contrast."""
    detail = gaussian_filter(np.random.default_rng(seed + 100).normal(0, 1, SHAPE), 1)
    values = plane.mean() + plane.std() * detail / detail.std()
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


FOREIGN = {
    "texture": texture,
    "mirrored": lambda plane, _: plane[:, ::-1],
    "far away": lambda plane, _: np.roll(plane, (40, 60), (0, 1)),
    "half of another": lambda plane, seed: plane // 4 + 3 * (texture(plane, seed) // 4),
}
OF_MIDDLE = [(what, 3) for what in FOREIGN]


@pytest.mark.parametrize(
    ("what", "z"),
    [*((what, z) for what in ("texture", "mirrored", "far away") for z in (0, 6)), *OF_MIDDLE],
)
def test_they_are_left_out(what, z):
    for seed in range(2):
        stack = stack_of(seed).copy()
        stack[z] = FOREIGN[what](stack[z], seed)
        found = judge_planes(measure_plane(k, plane) for k, plane in enumerate(stack))
        assert [one.z for one in found if one.is_left_out] == [z]


@pytest.mark.parametrize("sharp", [1.0, 3.0, 12.0])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_planes_in_focus_stay_however_coarse_the_steps(sharp, step):
    for seed in range(1):
        stack = stack_of(seed, sharp)[::step]
        found = judge_planes(measure_plane(k, plane) for k, plane in enumerate(stack))
        assert not any(one.findings for one in found)


def test_a_plane_that_will_be_aligned_may_lie_anywhere():
    stack = stack_of(0).copy()
    stack[3] = np.roll(stack[3], (3, -4), (0, 1))
    judge = PlaneJudge(is_aligned=True)
    found = [one for z, plane in enumerate(stack) for one in judge.add(measure_plane(z, plane))]
    assert not any(one.is_left_out for one in judge.finish(found))


@pytest.mark.parametrize(("contrast", "period_px"), [(0.1, 18), (0.25, 24), (0.5, 24)])
def test_light_that_flickers_while_planes_are_read_is_no_other_picture(contrast, period_px):
    for seed in range(2):
        phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (PLANES, 1))
        bands = 10 * np.sin(2 * np.pi * np.arange(SHAPE[0]) / period_px + phases)
        stack = stack_of(seed) * contrast + 100 + bands[:, :, None]
        stack = np.clip(np.rint(stack), 0, 255).astype(np.uint8)
        for way in (stack, stack.swapaxes(1, 2)):
            found = judge_planes(measure_plane(z, plane) for z, plane in enumerate(way))
            assert not any(one.findings for one in found)
