import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.focus_measure import laplacian
from napari_umis_fusion.fusion.seams._plane_difference import DETAIL_SIGMA_PX, PlaneDifference
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end


def stake_between(grey, chosen, **options):
    with Workers(2) as workers:
        stake = PlaneDifference(grey.shape, FusionConfig(**options), workers, ScratchMemory(16))
        chosen = np.broadcast_to(np.float32(chosen), grey.shape)
        run_to_end(stake.iter_measure(grey, chosen, grey))
    return stake


def detail_between(grey, chosen, **options):
    return stake_between(grey, chosen, **options).detail


def agreement_between(grey, chosen, **options):
    return stake_between(grey, chosen, **options).agreement


def default_focus(image):
    measure = laplacian(1.0, DETAIL_SIGMA_PX)
    return measure(np.pad(image, measure.halo_px, mode="symmetric"))


def planes(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (2, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 2), (17, 23), (50, 41)], ids=str)
@pytest.mark.parametrize("tile_px", [32, 512])
def test_detail_is_the_focus_of_the_difference(shape, tile_px):
    grey, chosen = planes(shape)
    expected = default_focus(grey - chosen)
    detail = detail_between(grey, chosen, tile_px=tile_px)
    assert detail.dtype == np.float32
    np.testing.assert_allclose(detail, expected, rtol=1e-5)


def test_either_way_round_the_same_is_at_stake():
    grey, chosen = planes((20, 30))
    np.testing.assert_allclose(
        detail_between(grey, chosen), detail_between(chosen, grey), rtol=1e-5
    )


def test_detail_that_both_have_is_not_at_stake():
    """Nor is brightness that differs: only what one of them shows and the other does not."""
    grey, fine = planes((60, 60))
    assert detail_between(grey, grey).max() == 0
    assert detail_between(grey + 20, grey).max() < 1e-3
    smooth = ndimage.gaussian_filter(fine, 3).astype(np.float32)
    assert np.median(detail_between(fine, grey)) > 20
    assert np.median(detail_between(grey + smooth, grey)) < 1


def test_the_first_plane_is_weighed_against_nothing():
    grey, _ = planes((20, 30))
    expected = default_focus(grey)
    np.testing.assert_allclose(detail_between(grey, 0), expected, rtol=1e-5)


@pytest.mark.parametrize("options", [{"median_filter": True}, {"window_sigma_px": 20.0}])
def test_options_of_the_focus_measure_do_not_matter(options):
    grey, chosen = planes((20, 30))
    np.testing.assert_array_equal(
        detail_between(grey, chosen, **options), detail_between(grey, chosen)
    )


def test_planes_are_left_alone():
    grey, chosen = planes((20, 30))
    before = grey.copy()
    detail_between(grey, chosen)
    np.testing.assert_array_equal(grey, before)


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (50, 41)], ids=str)
def test_tiles_agree_as_the_whole_does(shape):
    grey, chosen = planes(shape)
    np.testing.assert_array_equal(
        agreement_between(grey, chosen, tile_px=32), agreement_between(grey, chosen, tile_px=512)
    )


@pytest.mark.parametrize(
    ("offset", "expected"), [(0, 1.0), (0.5, 0.98), (1.5, 0.5), (-1.5, 0.5), (6, 0.004)]
)
def test_planes_agree_as_far_as_they_are_as_bright(offset, expected):
    grey, _ = planes((40, 40))
    agreement = agreement_between(grey + np.float32(offset), grey)
    np.testing.assert_allclose(agreement, expected, rtol=0.03)


@pytest.mark.parametrize("noise", [2, 10, 40])
def test_noise_is_no_disagreement(noise):
    rng = np.random.default_rng(0)
    grey, chosen = rng.normal(100, noise, (2, 200, 200)).astype(np.float32)
    assert np.median(agreement_between(grey, chosen)) > 0.95


def test_light_that_creeps_in_disagrees():
    """A dark body beside bright ground, in focus and blurred: they agree far from the border."""
    sharp = np.full((40, 160), 20, np.float32)
    sharp[:, 80:] = 220
    blurred = ndimage.gaussian_filter(sharp, 12).astype(np.float32)
    agreement = agreement_between(blurred, sharp)[20]
    assert agreement[[0, -1]].min() > 0.99
    assert agreement[65:75].max() < 0.1
