"""The focus peak of a measure whose focus is a share: 'learned'."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.focus_measure import focus_map
from napari_umis_fusion.fusion.depth._peak import (
    DETAIL_SIGMA_PX,
    NARROW_SIGMA_PX,
    WINDOW_SIGMA_PX,
    PeakSharpness,
)
from napari_umis_fusion.metrics import depth_error
from napari_umis_fusion.runtime import ScratchMemory, tiles_of
from napari_umis_fusion.synthetic import Relief, RenderConfig, fractal_noise, trace_stack

SHAPE = (72, 112)


def ramp(seed, **options):
    rng = np.random.default_rng(seed)
    light = np.clip(0.15 + 0.7 * fractal_noise(rng, SHAPE, 0.9), 0, 1).astype(np.float32)
    depth = np.linspace(-0.2, 5.2, SHAPE[1], dtype=np.float32)[None].repeat(SHAPE[0], 0)
    config = RenderConfig(planes=6, slope_px_per_plane=1.5, seed=seed, **options)
    return trace_stack(Relief(light, depth), config, rays=16)


def test_tiles_add_up_to_the_whole_and_invalid_pixels_have_none():
    rng = np.random.default_rng(0)
    grey = (255 * rng.random((37, 53))).astype(np.float32)
    focus = np.where(rng.random(grey.shape) < 0.1, -1, 1).astype(np.float32)
    space = ScratchMemory(16)
    whole, tiled = (PeakSharpness(grey.shape, space, with_detail=True) for _ in range(2))
    for side_px, sharpness in ((64, whole), (16, tiled)):
        for tile in tiles_of(grey, side_px):
            found = sharpness.measure(grey, focus, tile)
        assert (found[focus < 0] == -1).all()
        assert (found[focus > 0] > 0).all()
    np.testing.assert_allclose(tiled.sharpness, whole.sharpness, rtol=1e-5)
    np.testing.assert_allclose(tiled.detail, whole.detail, rtol=1e-5)
    for map_, window_px in ((whole.sharpness, WINDOW_SIGMA_PX), (whole.detail, NARROW_SIGMA_PX)):
        expected = focus_map(grey, detail_sigma_px=DETAIL_SIGMA_PX, window_sigma_px=window_px)
        np.testing.assert_allclose(map_[focus > 0], expected[focus > 0], rtol=0.01)
    assert (whole.detail[focus < 0] == 0).all()
    for tile in tiles_of(grey, 64):
        flat = whole.measure(np.zeros_like(grey), np.ones_like(grey), tile)
    assert (flat == 0).all()


@pytest.mark.parametrize("noise", [{}, {"photon_electrons": 300.0, "read_electrons": 2.0}])
def test_depths_of_a_ramp_climb_evenly_and_nearer_to_the_truth_than_planes(noise):
    errors = {"index": [], "learned": [], "laplacian": []}
    for seed in range(3):
        made = ramp(seed, **noise)
        learned = fuse(made.stack, FusionConfig(device="cpu"))
        classical = fuse(made.stack, FusionConfig(focus_measure="laplacian"))
        maps = learned.index_map, learned.sub_plane_map, classical.sub_plane_map
        for name, found in zip(errors, maps, strict=True):
            errors[name].append(depth_error(found, made.sub_plane_map))
    of = {name: np.mean([e.mean_planes for e in found]) for name, found in errors.items()}
    # On an even slope, the wider window of 'laplacian' is a little better.
    for name in ("learned", "laplacian"):
        assert of[name] < (0.5 if noise else 0.25) * of["index"], of
        assert np.mean([e.staircase for e in errors[name]]) < 0.3, name


def test_the_depth_of_the_reversed_stack_is_the_reverse():
    stack = ramp(4).stack
    one, other = (fuse(s, FusionConfig(device="cpu")).sub_plane_map for s in (stack, stack[::-1]))
    off = np.abs(one - (len(stack) - 1 - other))
    assert np.quantile(off, 0.95) < 0.02
