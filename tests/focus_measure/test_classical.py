import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.focus_measure import CLASSICAL
from napari_umis_fusion.focus_measure import _convolution as convolution
from napari_umis_fusion.focus_measure import _energy as energy
from napari_umis_fusion.runtime import tiles_of, with_halo

SHAPES = [(1, 1), (1, 5), (3, 2), (7, 1), (23, 14)]
SIGMAS = [(1.0, 1.5), (0.5, 0.5), (1.7, 0.8)]
ROUNDING = 2e-6
"""What float32 sums of a few dozen values lose, as a share of the greatest value."""


KERNEL_MODULES = (
    convolution,
    energy,
)


def texture(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32)


def measure(name, grey, detail_sigma_px=1.0, window_sigma_px=1.5):
    """Measure a whole plane, mirrored at its border."""
    made = CLASSICAL[name](detail_sigma_px, window_sigma_px)
    return made(np.pad(grey, made.halo_px, mode="symmetric"))


def laplacian_of_gaussian(grey, sigma):
    """SciPy's, less the response to a constant that its truncated taps have."""
    rest = ndimage.gaussian_filter1d(np.ones(99), sigma, order=2)[49]
    once = (ndimage.gaussian_filter1d(grey, sigma, axis) for axis in (0, 1))
    return ndimage.gaussian_laplace(grey, sigma) - rest * sum(once)


def along_both(grey, weights):
    return (ndimage.correlate1d(grey, weights, axis) for axis in (0, 1))


def energy_twin(name, grey, detail_sigma_px):
    """Detail before the window, and whether a root follows the window."""
    if name == "laplacian":
        return abs(laplacian_of_gaussian(grey, detail_sigma_px)), False
    if name == "spatial_frequency":
        return sum(step**2 for step in along_both(grey, [-1, 1, 0])), True
    if name == "tenengrad":
        return sum((ndimage.sobel(grey, axis) / 8) ** 2 for axis in (0, 1)), True
    return sum(map(abs, along_both(grey, [1, -2, 1]))), False


def twin(name, grey, detail_sigma_px, window_sigma_px):
    margin = 40
    grey = np.pad(grey.astype(np.float64), margin, mode="symmetric")

    def window(image):
        return ndimage.gaussian_filter(image, window_sigma_px)[margin:-margin, margin:-margin]

    if name == "variance":
        return np.sqrt(np.maximum(window(grey * grey) - window(grey) ** 2, 0))
    detail, root = energy_twin(name, grey, detail_sigma_px)
    return np.sqrt(window(detail)) if root else window(detail)


def squared_if_variance(name, focus):
    """Rounding is known for the variance, not for its root."""
    return focus.astype(np.float64) ** 2 if name == "variance" else focus


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_measure_equals_its_twin(name, shape, jit):
    grey = texture(shape)
    for sigmas in SIGMAS:
        focus = measure(name, grey, *sigmas)
        assert focus.dtype == np.float32
        assert focus.shape == shape
        np.testing.assert_allclose(
            squared_if_variance(name, focus),
            squared_if_variance(name, twin(name, grey, *sigmas)),
            rtol=1e-5,
            atol=ROUNDING * 255 ** (2 if name == "variance" else 1),
            err_msg=f"sigmas {sigmas}",
        )


@pytest.mark.parametrize("name", CLASSICAL)
def test_offset_changes_nothing(name):
    grey = texture((30, 41))
    plain, lifted = (measure(name, grey + np.float32(offset)) for offset in (0, 1000))
    np.testing.assert_allclose(
        squared_if_variance(name, lifted),
        squared_if_variance(name, plain),
        rtol=1e-5,
        atol={
            "laplacian": ROUNDING * 1255,
            "variance": ROUNDING * 1255**2,
        }.get(name, 0),
    )


@pytest.mark.parametrize("name", CLASSICAL)
def test_gain_scales_the_focus(name):
    """Measures are in grey levels: twice the contrast is twice the focus, to the last bit."""
    grey = texture((20, 31))
    np.testing.assert_array_equal(measure(name, 2 * grey), 2 * measure(name, grey))


@pytest.mark.parametrize("name", CLASSICAL)
def test_flat_plane_has_no_focus(name):
    """Rounding may leave a trace, but neither NaN nor more than half a grey level."""
    for level in (0, 37.3, 255):
        focus = measure(name, np.full((12, 9), level, np.float32))
        assert (focus >= 0).all()
        assert (focus < ROUNDING**0.5 * 300).all()


@pytest.mark.parametrize("name", CLASSICAL)
def test_focus_falls_everywhere_as_blur_grows(name):
    grey = texture((60, 70))
    blurred = [grey, *(ndimage.gaussian_filter(grey, sigma) for sigma in (0.7, 1.2, 2.0, 4.0))]
    focus = np.stack([measure(name, image, window_sigma_px=4.0) for image in blurred])
    assert (np.diff(focus, axis=0) < 0).all()


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("side_px", [1, 7, 16, 33, 50])
def test_tiles_equal_the_whole_to_the_last_bit(name, side_px):
    grey = texture((37, 50)) + np.float32(0.1)
    made = CLASSICAL[name](1.3, 2.0)
    whole = measure(name, grey, 1.3, 2.0)
    tiled = np.empty_like(whole)
    for tile in tiles_of(grey, side_px):
        tiled[tile.window] = made(with_halo(grey, tile, made.halo_px))
    np.testing.assert_array_equal(tiled, whole)


def test_slope_of_a_ramp():
    """In grey levels per px: Sobel's weights are brought to 1, a root follows each square."""
    ramp = np.add.outer(3 * np.arange(30), 4 * np.arange(40)).astype(np.float32)
    for name in ("tenengrad", "spatial_frequency"):
        assert measure(name, ramp)[15, 20] == pytest.approx(5)
    assert measure("sum_modified_laplacian", ramp)[15, 20] == 0


@pytest.mark.parametrize(("sigma_px", "radius"), [(0.5, 2), (1, 4), (1.2, 5), (6, 24)])
def test_taps(sigma_px, radius):
    impulse = np.zeros(99)
    impulse[49] = 1
    for taps, order in (
        (convolution.gaussian_taps(sigma_px), 0),
        (convolution.gaussian_second_derivative_taps(sigma_px), 2),
    ):
        assert convolution.gaussian_radius(sigma_px) == taps.size - 1 == radius
        assert taps.dtype == np.float32
        assert taps[0] + 2 * taps[1:].sum() == pytest.approx(1 - order / 2, abs=3e-7)
        expected = ndimage.gaussian_filter1d(impulse, sigma_px, order=order)
        np.testing.assert_allclose(taps[1:], expected[50 : 50 + radius], rtol=1e-6)


@pytest.mark.parametrize(
    ("mean", "mean_square", "expected"), [(3, 25, 4), (5, 25, 0), (5, 24.99, 0)]
)
def test_standard_deviation_is_never_nan(mean, mean_square, expected, jit):
    mean, mean_square = (np.full((1, 1), value, np.float32) for value in (mean, mean_square))
    energy.fill_standard_deviation(mean, mean_square, mean)
    assert mean[0, 0] == expected


def test_root_of_what_rounding_made_negative(jit):
    image = np.array([[4, -1e-7, 0]], np.float32)
    energy.square_root(image)
    assert image.tolist() == [[2, 0, 0]]
