"""Positions of focus peaks, and how sure they are."""

import copy

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion.decision._decision import Decision
from napari_umis_fusion.fusion.decision._peak_model import PeakModel
from napari_umis_fusion.fusion.depth import _depth_fit as module
from napari_umis_fusion.fusion.depth import _local_planes
from napari_umis_fusion.fusion.depth._depth_fit import (
    LEAST_SHARPNESS,
    MOST_ERROR,
    OPEN_ERROR,
    DepthFit,
    fit_peaks,
)
from napari_umis_fusion.runtime import ScratchMemory, Tile, tiles_of
from napari_umis_fusion.stack import Calibration, stack_of_arrays
from napari_umis_fusion.synthetic import Relief, RenderConfig, fractal_noise, trace_stack

KERNEL_MODULES = (module, _local_planes)

SHAPE = (30, 37)

WHOLE = (slice(None), slice(None))


def decided(shifts, noise=0.0, bend=-0.5, chosen=1, noise_gain=0.1):
    """Return a decision for `chosen` whose three sharpnesses are a Gaussian around `shifts`."""
    decision = Decision.blank(*shifts.shape, ScratchMemory(16), model=PeakModel(3.0, noise_gain))
    for k, values in ((-1, "peak_before"), (0, "peak"), (1, "peak_after")):
        focus = 20 * np.exp(bend / 2 * (k - shifts) ** 2) - LEAST_SHARPNESS
        getattr(decision, values)[...] = focus
    decision.best[...] = decision.peak
    decision.index[...] = chosen
    decision.noise[...] = noise
    return decision


def settled(decision, planes=3, overruled=None, side_px=16):
    overruled = np.zeros(decision.index.shape, bool) if overruled is None else overruled
    decision = copy.deepcopy(decision)  # its maps become those of the fit
    fit = DepthFit(decision, decision.index, overruled, planes)
    position, error = (np.empty(decision.index.shape, np.float32) for _ in range(2))
    tiles = tiles_of(decision.index, side_px)
    for tile in tiles:
        fit.fit(tile)
    for tile in tiles:
        position[tile.window], error[tile.window] = fit.settle(tile)
    return position, error


@pytest.mark.parametrize("bend", [-0.1, -0.5, -2.0])
def test_the_peak_of_a_gaussian_is_found_whatever_its_width(bend, jit):
    shifts = np.random.default_rng(0).uniform(-0.5, 0.5, SHAPE)
    found, variance = fit_peaks(decided(shifts, bend=bend), WHOLE)
    np.testing.assert_allclose(found, shifts, atol=1e-4)
    assert (variance == 0).all()


@pytest.mark.parametrize("shift", [-0.4, 0.0, 0.3])
def test_the_variance_is_what_noise_does_to_the_peak(shift):
    """Of many draws, but for the factor that stands for more than noise."""
    rng, noise = np.random.default_rng(1), 2.0
    decision = decided(np.full((200, 200), shift), noise=noise)
    _, variance = fit_peaks(decision, WHOLE)
    for one in (decision.peak_before, decision.peak, decision.peak_after):
        one += (0.1 * noise * rng.standard_normal(one.shape)).astype(np.float32)
    found, _ = fit_peaks(decision, WHOLE)
    expected = np.sqrt(variance[0, 0]) / module.MISFIT
    assert found.std() == pytest.approx(expected, rel=0.1)


def test_where_nothing_peaks_the_chosen_plane_stays_with_its_uncertainty(jit):
    decision = decided(np.zeros((4, 5)), noise=30.0)
    decision.peak_after[0] = decision.peak_before[1] = -1
    decision.peak_after[2] = 2 * decision.peak[2]
    found, variance = fit_peaks(decision, WHOLE)
    np.testing.assert_array_equal(found[:3], 0)
    np.testing.assert_allclose(variance[:2], OPEN_ERROR**2, rtol=1e-6)
    np.testing.assert_allclose(variance[2], MOST_ERROR**2, rtol=1e-6)
    decision.model = None
    found, _ = fit_peaks(decision, WHOLE)
    np.testing.assert_array_equal(found, 0)


def twin(position, variance, index, taps):
    """Return settled positions by weighted least squares, pixel by pixel."""
    radius = len(taps) - 1
    offsets = np.arange(-radius, radius + 1)
    across, along = np.meshgrid(offsets, offsets, indexing="ij")
    window = np.outer(taps[abs(offsets)], taps[abs(offsets)]).astype(np.float64)
    pads = [np.pad(one.astype(np.float64), radius, "symmetric") for one in (position, variance)]
    out = np.empty(position.shape)
    for y, x in np.ndindex(position.shape):
        cut = np.s_[y : y + 2 * radius + 1, x : x + 2 * radius + 1]
        depth, weight = (
            pads[0][cut].ravel(),
            (window / (pads[1][cut] + _local_planes.LEAST_ERROR**2 / 2)).ravel(),
        )
        known = weight.sum()
        terms = np.stack([np.ones(depth.size), across.ravel(), along.ravel()], 1)
        moments = terms.T * weight @ terms + np.diag([0, 1e-3 * known, 1e-3 * known])
        plane = np.linalg.solve(moments, terms.T * weight @ depth)
        scatter = (weight * (depth - terms @ plane) ** 2).sum() / known
        share = min(1, 1 / (known * max(scatter, 1e-12))) ** 2
        found = share * plane[0] + (1 - share) * position[y, x]
        out[y, x] = np.clip(found, index[y, x] - 0.5, index[y, x] + 0.5)
    return out


def test_positions_equal_a_plain_fit_of_planes_in_any_tiles(jit):
    rng = np.random.default_rng(2)
    shape = (9, 13)
    decision = decided(rng.uniform(-0.5, 0.5, shape), noise=rng.uniform(0, 20, shape))
    decision.index[:, 6:] = 3
    decision.peak_after[2:4, 3] = -1
    position, error = settled(decision, side_px=8)
    whole = settled(decision, side_px=64)
    fit = DepthFit(decision, decision.index, np.zeros(shape, bool), 5)
    fit.fit(Tile(slice(0, 9), slice(0, 13)))
    expected = twin(fit._position, fit._variance, decision.index, fit._taps)
    np.testing.assert_allclose(position, expected, atol=1e-3)
    np.testing.assert_array_equal(position, whole[0])
    np.testing.assert_array_equal(error, whole[1])


def test_noise_is_averaged_out_of_a_slope_but_not_structure_out_of_a_surface():
    rng = np.random.default_rng(3)
    slope = np.linspace(-0.3, 0.3, 60)[None].repeat(50, 0)
    noisy = slope + rng.normal(0, 0.1, slope.shape)
    found, _ = settled(decided(noisy, noise=5.0))
    assert np.sqrt(np.mean((found - 1 - slope) ** 2)) < 0.03
    waves = 0.3 * np.sin(np.arange(60) / 2)[None].repeat(50, 0)
    found, _ = settled(decided(waves, noise=0.1))
    np.testing.assert_allclose(found - 1, waves, atol=0.02)


def test_what_is_not_fitted_is_less_sure_and_two_planes_have_no_peak():
    decision = decided(np.zeros(SHAPE), noise=0.5)
    decision.peak_after[:, 20:] = -1
    overruled = np.zeros(SHAPE, bool)
    overruled[:10] = True
    decision.best[15:] = -1
    _, error = settled(decision, overruled=overruled)
    assert (error[:15, 20:] >= OPEN_ERROR - 1e-6).all()
    assert (error[:10] >= OPEN_ERROR - 1e-6).all()
    assert (error[11:14, :18] < 0.1).all()
    position, error = settled(decided(np.full(SHAPE, 0.3)), planes=2)
    assert np.isnan(error).all()
    np.testing.assert_allclose(position, 1.3, atol=1e-4)


def ramp(seed, **options):
    shape = (64, 96)
    light = np.clip(0.15 + 0.7 * fractal_noise(np.random.default_rng(seed), shape, 0.9), 0, 1)
    depth = np.linspace(0.7, 4.3, shape[1], dtype=np.float32)[None].repeat(shape[0], 0)
    config = RenderConfig(planes=6, slope_px_per_plane=1.2, seed=seed, **options)
    return trace_stack(Relief(light.astype(np.float32), depth), config, rays=16)


@pytest.mark.parametrize("measure", ["laplacian", "tenengrad", "variance"])
def test_errors_grow_with_noise_and_hold_about_two_thirds_of_what_is_wrong(measure):
    within, middle = [], []
    for electrons in (2000.0, 500.0, 150.0):
        shares, errors = [], []
        for seed in range(3):
            made = ramp(seed, photon_electrons=electrons)
            result = fuse(made.stack, focus_measure=measure, depth_error=True)
            wrong = np.abs(result.sub_plane_map - made.sub_plane_map)
            right = np.abs(result.index_map - made.sub_plane_map) < 1
            shares.append((wrong < result.sub_plane_error_map)[right].mean())
            errors.append(np.median(result.sub_plane_error_map))
        within.append(np.mean(shares))
        middle.append(np.mean(errors))
    assert middle == sorted(middle)
    assert all(0.45 < share < 0.99 for share in within), within


def test_the_error_in_um_follows_the_steps_and_is_only_there_if_asked_for():
    made = ramp(1)
    result = fuse(made.stack, focus_measure="laplacian", depth_error=True)
    np.testing.assert_allclose(result.depth_error_map(2.0), 2 * result.sub_plane_error_map)
    with pytest.raises(ConfigError, match="distance between planes"):
        result.depth_error_map()
    uneven = stack_of_arrays(made.stack)
    uneven.calibration = Calibration(z_step_um=1.0, z_positions_um=(0, 1, 2, 3, 5, 7))
    told = fuse(uneven, focus_measure="laplacian", depth_error=True)
    ratio = told.depth_error_map() / told.sub_plane_error_map
    assert ratio[told.index_map <= 2] == pytest.approx(1)
    assert ratio[told.index_map == 4].max() == pytest.approx(2)
    plain = fuse(made.stack, focus_measure="laplacian")
    assert plain.sub_plane_error_map is None
    np.testing.assert_array_equal(plain.sub_plane_map, result.sub_plane_map)
    with pytest.raises(ConfigError, match="depth_error=True"):
        plain.depth_error_map(1.0)
    with pytest.raises(ConfigError, match="'umis'"):
        FusionConfig(focus_measure="umis", depth_error=True)


def test_a_plane_chosen_by_hand_has_no_error():
    made = ramp(2)
    result = fuse(made.stack, focus_measure="laplacian", depth_error=True)
    chosen = np.zeros(result.index_map.shape, np.uint16)
    chosen[10:20, 30:40] = 3
    by_hand = result.with_overrides(made.stack, chosen)
    assert np.isnan(by_hand.sub_plane_error_map[chosen > 0]).all()
    assert np.isfinite(by_hand.sub_plane_error_map[chosen == 0]).all()
