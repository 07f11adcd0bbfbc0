import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.synthetic._defocus import blur_kernel
from napari_umis_fusion.synthetic._transfer import (
    MAX_SLABS,
    SOFT_EDGE,
    cut_into_slabs,
    defocus_transfer,
    gaussian_transfer,
    shift_factor,
    smoothed,
    to_field,
    to_spectrum,
)

SIDE = 48


def texture(side=SIDE, sigma=1.0, seed=0):
    """Detail that pixels resolve well, so that it has a value between them."""
    noise = np.random.default_rng(seed).random((side, side), np.float32)
    field = scipy.ndimage.gaussian_filter(noise, sigma, mode="wrap")
    return (field - field.min()) / np.ptp(field)


def blurred(field, transfer):
    return to_field(to_spectrum(field) * transfer, len(field))


def ramp(low, high, side=SIDE):
    return np.tile(np.linspace(low, high, side, dtype=np.float32), (side, 1))


# --- transfer functions


@pytest.mark.parametrize("side", [32, 45])
def test_there_and_back(side):
    field = texture(side)
    assert to_spectrum(field).dtype == np.complex64
    back = to_field(to_spectrum(field), side)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, field, atol=1e-6)


@pytest.mark.parametrize("side", [32, 45])
@pytest.mark.parametrize("psf", ["disc", "gaussian"])
@pytest.mark.parametrize("radius", [0, 0.01, 0.3, 1, 1.9, 2.1, 6, 30])
def test_defocus_keeps_the_light_and_gains_no_contrast(psf, radius, side):
    transfer = defocus_transfer(side, psf, radius)
    assert transfer.shape == (side, side // 2 + 1)
    assert transfer.dtype == np.float32
    assert transfer[0, 0] == 1
    assert np.abs(transfer).max() <= 1


@pytest.mark.parametrize("psf", ["disc", "gaussian"])
def test_nothing_happens_in_focus(psf):
    np.testing.assert_array_equal(defocus_transfer(SIDE, psf, 0.0), 1)


@pytest.mark.parametrize("radius", [1.5, 3.0, 5.25, 9.0])
def test_disc_equals_convolution_with_the_kernel_and_a_soft_edge(radius):
    field = texture(sigma=1.5)
    twin = scipy.ndimage.convolve(field, blur_kernel("disc", radius), mode="wrap")
    twin = scipy.ndimage.gaussian_filter(twin, SOFT_EDGE * radius, mode="wrap")
    got = blurred(field, defocus_transfer(SIDE, "disc", radius))
    assert np.abs(got - twin).max() < 0.025 * np.ptp(field)
    assert np.abs(got - twin).std() < 0.05 * twin.std()


@pytest.mark.parametrize("radius", [2.0, 3.5, 8.0])
def test_the_gaussian_has_half_the_radius_as_sigma(radius):
    got = blurred(texture(), defocus_transfer(SIDE, "gaussian", radius))
    twin = scipy.ndimage.gaussian_filter(texture(), radius / 2, mode="wrap", truncate=8)
    np.testing.assert_allclose(got, twin, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.7, 2.0, 5.0])
def test_smoothed_equals_convolution(sigma):
    twin = scipy.ndimage.gaussian_filter(texture(sigma=2), sigma, mode="wrap", truncate=8)
    np.testing.assert_allclose(smoothed(texture(sigma=2), sigma), twin, atol=3e-4)
    np.testing.assert_array_equal(
        smoothed(texture(), sigma), blurred(texture(), gaussian_transfer(SIDE, sigma))
    )


def test_smoothing_by_nothing_returns_the_field():
    field = texture()
    assert smoothed(field, 0) is field


@pytest.mark.parametrize(
    ("low", "high", "most"), [(0, 1.95, 1 / 32), (2, 20, 1 / 8)], ids=["small", "large"]
)
def test_the_table_meets_radii_closely_and_small_ones_more_so(low, high, most):
    radii = np.random.default_rng(0).uniform(low, high, 300)
    frequency = 1 / SIDE
    seen = np.array([defocus_transfer(SIDE, "gaussian", r)[0, 1] for r in radii], np.float64)
    sigma = np.sqrt(-np.log(seen) / 2) / (np.pi * frequency)
    assert np.abs(2 * sigma - radii).max() < most + 0.01
    assert len(np.unique(seen)) <= (high - low) / (2 * most) + 2


# --- shifts


@pytest.mark.parametrize("side", [32, 45])
@pytest.mark.parametrize("move", [(0, 0), (1, 0), (0, -2), (-3, 5), (40, -40)])
def test_whole_pixels_move_exactly(move, side):
    field = np.random.default_rng(1).random((side, side), np.float32)
    moved = blurred(field, shift_factor(side, *move))
    np.testing.assert_allclose(moved, np.roll(field, move, (0, 1)), atol=1e-5)


@pytest.mark.parametrize("move", [(0.25, 0), (0, -0.5), (0.3, 1.7)])
def test_fractions_of_a_pixel_move_waves(move):
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)

    def wave(dy, dx):
        return np.sin(2 * np.pi * (3 * (y - dy) + 5 * (x - dx)) / SIDE).astype(np.float32)

    moved = blurred(wave(0, 0), shift_factor(SIDE, *move))
    np.testing.assert_allclose(moved, wave(*move), atol=1e-4)


# --- slabs


@pytest.mark.parametrize("slope", [0.25, 1.3, 6.0])
@pytest.mark.parametrize("depths", [(0, 0.2), (-0.3, 4.7), (2.4, 2.6), (0, 22.9)])
def test_slabs_share_every_pixel_between_neighbours_without_loss(depths, slope):
    depth = ramp(*depths)
    cut = cut_into_slabs(depth, slope)
    places, weights = [np.array(part) for part in zip(*cut, strict=True)]
    assert len(cut) <= MAX_SLABS + 2
    assert weights.min() >= 0
    assert weights.any((1, 2)).all()
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(np.einsum("s,syx->yx", places, weights), depth, atol=1e-3)
    most = max(0.5 / slope, np.ptp(depths) / MAX_SLABS)
    np.testing.assert_allclose(np.diff(places), most, rtol=1e-3)


@pytest.mark.parametrize("depth", [0, 3.25, np.float32(1.5), np.array(2.0)])
def test_a_surface_of_one_depth_is_one_slab(depth):
    assert cut_into_slabs(depth, 2.0) == [(float(depth), None)]


def test_a_level_field_of_depths_is_cut_too():
    cut = cut_into_slabs(np.full((4, 4), 1.3, np.float32), 2.0)
    np.testing.assert_allclose(sum(weight for _, weight in cut), 1)
    assert sum(place * weight for place, weight in cut) == pytest.approx(1.3)
