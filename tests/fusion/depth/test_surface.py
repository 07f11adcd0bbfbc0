"""The surface that is seen at each pixel: its own decision, where the network chooses values."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.fusion.decision._decision import INVALID, Decision
from napari_umis_fusion.fusion.depth import _surface as surface
from napari_umis_fusion.fusion.depth import _surface_evidence as module
from napari_umis_fusion.fusion.depth._final_maps import FinalMaps
from napari_umis_fusion.fusion.depth._surface import SurfaceDecision, find_unsupported
from napari_umis_fusion.fusion.seams._seam_evidence import UNDECIDED, SeamEvidence
from napari_umis_fusion.metrics import depth_error
from napari_umis_fusion.runtime import ScratchMemory, tiles_of
from napari_umis_fusion.synthetic import (
    Layer,
    RenderConfig,
    Scene,
    fractal_noise,
    make_stack,
    render_stack,
)

KERNEL_MODULES = (surface, module)

SHAPE = (9, 11)


def evidence_twin(focus, chosen, detail, before, noise):
    """Return target and evidence, in plain NumPy."""
    sigma = np.where(np.isfinite(noise), noise, 0)
    gain, chance = detail - before, module.NOISE_LEAD * sigma
    least = module.LEAST_DETAIL
    lead = module.DETAIL_POWER * np.log((detail + least) / (before + least))
    lead *= gain**2 / (gain**2 + chance**2 + 1e-37)
    lead = np.clip(lead, -module.MOST_LEAD, module.MOST_LEAD)
    lead += np.log(np.maximum(focus, 1e-37)) - np.log(np.maximum(chosen, 1e-37))
    strength = np.sqrt(np.abs(gain)) * np.tanh(module.LEAD_SCALE * lead) ** 2 + UNDECIDED
    strength[(focus < 0) | (chosen < 0)] = UNDECIDED
    return np.where(lead > 0, strength, 0), strength


def test_the_evidence_is_that_of_its_formula_and_knows_invalid_pixels(jit):
    rng = np.random.default_rng(0)
    focus, chosen = (np.exp(rng.uniform(-40, 40, SHAPE)).astype(np.float32) for _ in range(2))
    detail, before = (rng.gamma(1, 5, SHAPE).astype(np.float32) for _ in range(2))
    noise = rng.uniform(0, 20, SHAPE).astype(np.float32)
    focus[0], chosen[1], focus[2, :4], chosen[2, :2] = INVALID, INVALID, INVALID, INVALID
    detail[0] = before[1] = 0
    noise[3] = np.inf
    target, evidence, unused = (np.zeros((SHAPE[0], 16), np.float32) for _ in range(3))
    seams = SeamEvidence(target, evidence, unused)
    (tile,) = tiles_of(focus, 64)
    module.add_surface_evidence((focus, chosen), (detail, before), noise, seams, tile)
    expected = evidence_twin(focus, chosen, detail, before, noise)
    for found, wanted in zip((target, evidence), expected, strict=True):
        np.testing.assert_allclose(found[:, : SHAPE[1]], wanted, rtol=2e-3, atol=1e-5)
    assert (target[0] == 0).all()
    assert (target[1, : SHAPE[1]] > 0).all()


def test_a_depth_needs_a_surface_around_that_is_seen(jit):
    rng = np.random.default_rng(0)
    shown = np.full((30, 41), 9, np.uint16)
    shown[:, :10] = 2
    shown[12:15, 30:33] = 5
    planes = rng.choice([1, 2, 5, 6, 8, 10, 20], shown.shape).astype(np.uint16)
    for side_px in (16, 64):
        for tile in tiles_of(shown, side_px):
            lost = find_unsupported(planes[tile.window], shown, tile)
            for (y, x), found in np.ndenumerate(lost):
                y, x = y + tile.rows.start, x + tile.columns.start
                z, reach = int(planes[y, x]), surface.REACH_PX
                part = shown[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
                seen = (np.abs(part.astype(int) - z) <= 1).mean()
                is_own = abs(int(shown[y, x]) - z) <= 1
                assert found == (not is_own and seen < surface.LEAST_SHARE)


def test_what_follows_mended_islands_is_only_what_was_theirs():
    index = np.full((40, 50), 7, np.uint16)
    index[:, :12] = 3
    depth = index + np.float32(0.2)
    depth[10:20, 14:18], depth[20:30, 30:40], depth[0] = 3.1, 1.2, np.nan
    blank = np.zeros_like(depth)
    maps = FinalMaps(depth.copy(), blank, blank, blank.copy())
    for tile in tiles_of(index, 16):
        maps.follow(index, tile)
    expected = depth.copy()
    expected[20:30, 30:40] = 7
    np.testing.assert_array_equal(maps.sub_plane, expected)
    assert (np.isnan(maps.sub_plane_error) == (expected != depth) & np.isfinite(depth)).all()


def hidden(seed, planes=8):
    """Render an opaque disc before a background, with texture on both."""
    rng = np.random.default_rng(seed)
    shape = (96, 112)
    y, x = np.mgrid[: shape[0], : shape[1]]
    cover = (np.hypot(y - 48, x - 56) < rng.uniform(20, 28)).astype(np.float32)
    layers = []
    for depth, mask in ((0.0, None), (planes - 1.0, cover)):
        light = np.clip(0.2 + 0.6 * fractal_noise(rng, shape, 0.9), 0, 1).astype(np.float32)
        layers.append(Layer(light, np.full(shape, depth, np.float32), mask))
    config = RenderConfig(planes=planes, slope_px_per_plane=1.0, seed=seed)
    return render_stack(Scene(tuple(layers)), config)


@pytest.mark.parametrize("scene", ["discs", "bars"])
def test_objects_in_front_spread_less_in_the_depth_than_in_what_is_shown(scene):
    shown, depth, classical = [], [], []
    for seed in range(3):
        made = make_stack(scene, (120, 160), planes=10, seed=seed)
        result = fuse(made.stack, FusionConfig(device="cpu"))
        other = fuse(made.stack, FusionConfig(focus_measure="laplacian"))
        maps = result.index_map, result.sub_plane_map, other.sub_plane_map
        for into, found in zip((shown, depth, classical), maps, strict=True):
            into.append(depth_error(found, made.sub_plane_map).mean_planes)
    assert np.mean(depth) < 0.9 * np.mean(shown)
    assert np.mean(depth) < np.mean(classical)


def test_the_image_is_what_it_is_without_a_depth_of_its_own(monkeypatch):
    """Maps that the two decisions share are not mixed up."""
    stack = hidden(0).stack
    config = FusionConfig(device="cpu", blend="select")
    with_own = fuse(stack, config)
    for step in ("iter_add", "iter_merge"):
        monkeypatch.setattr(SurfaceDecision, step, lambda *_, **__: iter(()))
    without = fuse(stack, config)
    for name in ("all_in_focus", "index_map", "source_map", "confidence_map", "focus_map"):
        np.testing.assert_array_equal(getattr(with_own, name), getattr(without, name))
    assert (with_own.sub_plane_map != without.sub_plane_map).any()


@pytest.mark.parametrize(
    ("options", "follows"),
    [
        ({}, False),
        ({"prefer": 0.5}, True),
        ({"verification": "none"}, True),
        ({"focus_measure": "laplacian"}, True),
    ],
)
def test_depth_follows_the_index_where_somebody_asked_for_its_planes(options, follows):
    made = hidden(1)
    result = fuse(made.stack, FusionConfig(device="cpu").replace(**options))
    apart = np.abs(result.sub_plane_map - result.index_map).max()
    assert (apart <= 0.5) == follows


def test_what_no_plane_shows_has_no_depth_and_planes_left_out_no_peak():
    stack = hidden(2, planes=6).stack.astype(np.float32)
    stack[:, :8] = np.nan
    stack[2, 40:, :] = np.nan
    stack[4] = stack[4].mean()
    result = fuse(stack, FusionConfig(device="cpu", nan_policy="ignore", depth_error=True))
    assert np.isnan(result.sub_plane_map[:8]).all()
    assert np.isfinite(result.sub_plane_map[8:]).all()
    assert not result.health[4].is_sound
    assert (np.abs(result.sub_plane_map[8:] - 4) > 0.499).all()
    assert (np.abs(result.sub_plane_map[41:] - 2) > 0.499).all()


def test_a_decision_beside_another_shares_its_noise_and_nothing_else():
    image = Decision.blank(4, 5, ScratchMemory(16))
    own = image.beside(ScratchMemory(16))
    assert own.noise is image.noise
    assert own.best is own.chosen
    for name in ("index", "chosen", "peak", "peak_before", "peak_after", "previous"):
        assert not np.shares_memory(getattr(own, name), getattr(image, name))
