"""Which of several planes in focus at one pixel is chosen: `FusionConfig.prefer`."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.fusion.decision._preference import LARGEST_LEVEL, SHARE_REACH, Preference
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.runtime import ScratchMemory, tiles_of
from napari_umis_fusion.synthetic import (
    RenderConfig,
    make_stack,
    render_stack,
    shining_through,
    transparent_pair,
)

FRONT, BACK, PLANES = 2, 10, 13
SHAPE = (72, 88)


def rendered(scene, seed, photons=4000.0):
    config = RenderConfig(
        planes=PLANES, base_blur_px=0.8, photon_electrons=photons, read_electrons=3.0, seed=seed
    )
    return render_stack(scene(SHAPE, FRONT, BACK, seed=seed), config)


def share_at(index_map, plane, where=...):
    return (np.abs(index_map.astype(int) - plane) <= 1)[where].mean()


def weighed(curves, strength, side_px=64):
    """Return scores (Z, Y, X) as they are after a preference, as logarithms."""
    shape = curves.shape[1:]
    preference = Preference(strength, True, shape, ScratchMemory(16))
    found, grey = np.empty_like(curves), np.zeros(shape, np.float32)
    for z, levels in enumerate(curves):
        preference.measured[...] = np.exp(levels)
        for tile in tiles_of(grey, side_px):
            preference.weigh(grey, found[z], np.ones_like(grey), tile)
    return np.log(found)


def plain(curves, strength):
    """The twin of the kernel, pixel by pixel."""
    found = curves.astype(float)
    sign, height = np.sign(strength), abs(strength) * SHARE_REACH.height
    for y, x in np.ndindex(curves.shape[1:]):
        curve = curves[:, y, x].astype(float)
        peak = valley = highest = top = curve[0]
        gained = 0.0
        for z, level in enumerate(curve[1:], 1):
            dip = min(peak, level) - valley
            span = SHARE_REACH.full_dip - SHARE_REACH.least_dip
            step = sign * height * np.clip((dip - SHARE_REACH.least_dip) / span, 0, 1)
            near = np.clip(2.5 + 2 * (level - highest) / height, 0, 1) if sign > 0 else 1
            gain = gained + step * near
            if level + gain >= top:
                gained = gain = np.clip(gained + step, -2 * height, 2 * height)
                top, peak, valley = level + gain, level, level
            else:
                valley = min(valley, level)
            found[z, y, x], highest = level + gain, max(highest, level)
    return found.clip(-LARGEST_LEVEL, LARGEST_LEVEL)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 3), (16, 37)])
@pytest.mark.parametrize("strength", [-1.0, -0.3, 0.4, 1.0])
def test_the_kernel_equals_its_plain_twin_in_tiles_of_any_size(shape, strength):
    rng = np.random.default_rng(shape[1])
    curves = rng.uniform(-25, 25, (9, *shape)).astype(np.float32)
    for side_px in (8, 64):
        np.testing.assert_allclose(
            weighed(curves, strength, side_px), plain(curves, strength), atol=1e-3
        )


@pytest.mark.parametrize("strength", [-1.0, 1.0])
def test_where_focus_has_one_peak_nothing_changes(strength):
    rng = np.random.default_rng(1)
    peak, height, width = rng.uniform((-2, 1, 0.5), (14, 50, 4), (400, 3)).T
    z = np.arange(12)[:, None]
    curves = (height * np.exp(-(((z - peak) / width) ** 2))).astype(np.float32)[:, None]
    noisy = curves + rng.uniform(-3, 3, curves.shape).astype(np.float32)
    for one in (curves, noisy):
        np.testing.assert_allclose(weighed(one, strength), one, atol=1e-4)


@pytest.mark.parametrize("order", [(0.0, 1.0), (1.0, 0.0)])
def test_a_peak_that_loses_by_little_is_found_from_both_ends(order):
    """Also where the lower one comes first, and would be forgotten, or last, and would lose."""
    curve = np.zeros(12, np.float32)
    curve[[2, 9]] = 40 + 8 * np.array(order)
    curve[[1, 3, 8, 10]] = 20
    for strength, plane in ((-1, 2), (0, 2 if order[0] else 9), (1, 9)):
        found = weighed(curve[:, None, None], strength)
        assert found[:, 0, 0].argmax() == plane
    # One that is far lower is not chosen, however much it is preferred.
    curve[2 if order[1] else 9] = 15
    for strength in (-1, 1):
        assert weighed(curve[:, None, None], strength)[:, 0, 0].argmax() == (9 if order[1] else 2)


def test_many_peaks_stay_within_float32_and_invalid_pixels_are_passed_over():
    curves = np.zeros((40, 1, 2), np.float32)
    curves[::2] = 60
    for strength in (-1, 1):
        found = weighed(curves, strength)
        assert np.isfinite(found).all()
        assert (found[:, 0, 0].argmax() > 2) == (strength > 0)
    preference = Preference(1.0, False, (1, 2), ScratchMemory(16))
    focus, grey = np.empty((1, 2), np.float32), np.zeros((1, 2), np.float32)
    for value in (-1.0, 3.0, -1.0, 2.0):
        preference.measured[...] = value
        preference.weigh(grey, focus, focus, tiles_of(focus, 64)[0])
        np.testing.assert_array_equal(focus, value)
    np.testing.assert_array_equal(preference.highest, 3.0)


@pytest.mark.parametrize(
    ("measure", "photons"), [("learned", 4000.0), ("learned", 300.0), ("laplacian", 4000.0)]
)
def test_of_a_transparent_pair_the_layer_is_chosen_that_is_asked_for(measure, photons):
    shares, values = [], []
    for seed in range(2):
        made = rendered(transparent_pair, seed, photons)
        for prefer, plane in ((-1, FRONT), (0, FRONT), (1, BACK)):
            result = fuse(made.stack, FusionConfig(focus_measure=measure, prefer=prefer))
            share = share_at(result.index_map, plane)
            if prefer == 0:
                assert 0.2 < share < 0.8  # chance decides
                continue
            shares.append(share)
            values += [
                psnr(result.all_in_focus, made.stack[z].astype(float), data_range=255)
                for z in (plane, FRONT + BACK - plane)
            ]
    assert min(shares) > 0.94
    # The mean of planes shows that layer too, not a double exposure.
    assert min(values[::2]) > 5 + max(values[1::2])


def test_an_opaque_object_hides_what_shines_through_its_edge():
    gains = []
    for seed in range(3):
        made = rendered(shining_through, seed)
        blobs = shining_through(SHAPE, FRONT, BACK, seed=seed).layers[1].alpha > 0.5
        found = [fuse(made.stack, prefer=p).index_map for p in (0, -0.5)]
        automatic, front = (share_at(one, FRONT, blobs) for one in found)
        assert front > 0.9
        gains.append(front - automatic)
        # The background stays where it shows alone.
        assert share_at(found[1], BACK, ~blobs) > 0.85
    assert np.mean(gains) > 0.02


@pytest.mark.parametrize("prefer", [-1.0, 1.0])
def test_a_surface_that_is_opaque_stays_as_it_is(prefer):
    for seed in range(2):
        made = make_stack("bumps", SHAPE, planes=8, noisy=True, seed=seed, channels=None)
        automatic, preferred = (fuse(made.stack, prefer=p) for p in (0.0, prefer))
        assert (automatic.index_map != preferred.index_map).mean() < 0.01
        off = [
            psnr(r.all_in_focus, made.all_in_focus, data_range=255) for r in (automatic, preferred)
        ]
        assert abs(off[0] - off[1]) < 0.1


@pytest.mark.parametrize("prefer", [-1.0, 1.0])
@pytest.mark.parametrize("verification", ["seams", "mode", "none"])
def test_maps_and_values_belong_to_the_plane_that_was_preferred(prefer, verification):
    made = rendered(transparent_pair, 7)
    config = FusionConfig("laplacian", prefer=prefer, verification=verification, blend="select")
    result, automatic = fuse(made.stack, config), fuse(made.stack, config.replace(prefer=0))
    rows, columns = np.indices(SHAPE)
    np.testing.assert_array_equal(result.all_in_focus, made.stack[result.index_map, rows, columns])
    np.testing.assert_allclose(result.focus_map, automatic.focus_map)
    plane = FRONT if prefer < 0 else BACK
    chosen = result.index_map == plane
    assert chosen.mean() > 0.8
    # The peak is that of focus as measured: both layers are flat.
    assert np.abs(result.sub_plane_map[chosen] - plane).mean() < 0.1
