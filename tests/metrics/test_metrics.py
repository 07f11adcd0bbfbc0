import re
import weakref

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.metrics import (
    average_gradient,
    edge_preservation,
    entropy,
    false_edge_rate,
    index_error,
    mutual_information,
    psnr,
    spatial_frequency,
    ssim,
    standard_deviation,
)

ALONE = (average_gradient, spatial_frequency, entropy, standard_deviation)
AGAINST_STACK = (false_edge_rate, edge_preservation, mutual_information)

TINY = np.array([[0, 3], [4, 10]], np.uint8)  # differences: right 3, down 4; left 6, up 7


def noise(shape, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def sobel_twin(grey):
    """Sobel magnitude / 8 by slicing an edge-padded image."""
    g = np.pad(np.asarray(grey, np.float64), 1, mode="edge")
    along_x = g[:, 2:] - g[:, :-2]
    along_x = along_x[:-2] + 2 * along_x[1:-1] + along_x[2:]
    along_y = g[2:] - g[:-2]
    along_y = along_y[:, :-2] + 2 * along_y[:, 1:-1] + along_y[:, 2:]
    return np.hypot(along_x, along_y) / 8


def false_edge_twin(fused, planes):
    largest = np.max([sobel_twin(plane) for plane in planes], axis=0)
    padded = np.pad(largest, 1, mode="edge")
    height, width = largest.shape
    around = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.mean(sobel_twin(fused) > np.max(around, axis=0) + 2)


def half_and_half(shape=(3, 20, 30)):
    """Two flat planes of different grey, and a fusion with a seam down the middle."""
    stack = np.full(shape, 100, np.uint8)
    stack[1:] = 140
    fused = stack[0].copy()
    fused[:, shape[2] // 2 :] = 140
    return fused, stack


# --- with a known answer


@pytest.mark.parametrize(
    ("offset", "data_range", "expected"),
    [(1, 255, 48.1308), (2, 255, 42.1102), (10, 100, 20.0), (0, 255, np.inf)],
)
def test_psnr_is_ten_times_the_log_of_the_squared_range_over_the_squared_error(
    offset, data_range, expected
):
    truth = np.full((12, 13, 3), 90, np.uint8)
    assert psnr(truth + offset, truth, data_range=data_range) == pytest.approx(expected, abs=1e-3)


def test_psnr_does_not_wrap_unsigned_differences():
    truth, image = np.full((4, 4), 10, np.uint8), np.full((4, 4), 9, np.uint8)
    assert psnr(image, truth, data_range=255) == psnr(truth, image, data_range=255)


@pytest.mark.parametrize("shape", [(24, 31), (24, 31, 3)])
def test_ssim_is_one_for_equal_images_and_falls_with_every_step_of_noise(shape):
    truth = noise(shape, dtype=np.float32)
    grain = np.random.default_rng(1).normal(0, 1, shape)
    values = [ssim(truth + s * grain, truth, data_range=255) for s in (0, 10, 40)]
    assert values[0] == pytest.approx(1)
    assert np.all(np.diff(values) < -0.005)


def test_ssim_of_two_flat_images_is_the_luminance_term():
    flat = np.ones((15, 15))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert ssim(100 * flat, 120 * flat, data_range=255) == pytest.approx(expected, rel=1e-6)


def test_ssim_equals_the_published_formula():
    """Away from the border, which is left out of the mean: half a window, 5 px."""
    image, truth = noise((30, 26)).astype(float), noise((30, 26), seed=1).astype(float)

    def mean(values):
        return scipy.ndimage.gaussian_filter(values, 1.5, truncate=3.5)

    mx, my = mean(image), mean(truth)
    vx, vy, cov = mean(image**2) - mx**2, mean(truth**2) - my**2, mean(image * truth) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    twin = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(image, truth, data_range=255) == pytest.approx(twin[5:-5, 5:-5].mean())


def test_index_error_by_hand():
    deviation = index_error(np.array([[0, 1], [2, 5]], np.uint16), [[0.5, 1.0], [4.0, 4.0]])
    assert deviation.mean_planes == pytest.approx((0.5 + 0 + 2 + 1) / 4)
    assert deviation.share_off == 0.25  # off by exactly one plane does not count


def test_index_error_counts_only_where_it_is_told():
    index, truth = np.array([[0, 9]], np.uint16), np.zeros((1, 2))
    assert index_error(index, truth, where=[[True, False]]).mean_planes == 0
    assert index_error(index, truth, where=[[False, True]]).mean_planes == 9


# --- without one


@pytest.mark.parametrize("shape", [(1, 5, 7), (3, 17, 9), (4, 32, 33)])
def test_false_edge_rate_equals_its_numpy_twin(shape):
    stack = noise(shape) // 4
    fused = noise(shape[1:], seed=1) // 3
    rate = false_edge_rate(fused, stack)
    assert 0 < rate < 1
    assert rate == pytest.approx(false_edge_twin(fused, stack))


def test_one_plane_for_all_pixels_has_no_false_edge():
    stack = noise((4, 20, 30))
    assert [false_edge_rate(plane, stack) for plane in stack] == [0, 0, 0, 0]


def test_a_seam_is_two_pixels_wide():
    fused, stack = half_and_half()
    assert false_edge_rate(fused, stack) == pytest.approx(2 / 30)


def test_a_seam_of_two_grey_levels_of_gradient_is_allowed():
    fused, stack = half_and_half()
    below, above = (np.where(fused == 140, 100 + step, 100).astype(np.uint8) for step in (4, 5))
    assert false_edge_rate(below, stack) == 0  # Sobel / 8 of a step is half the step
    assert false_edge_rate(above, stack) > 0


@pytest.mark.parametrize(
    ("dtype", "black", "white", "told"),
    [
        (np.uint16, 0, 65535, False),
        (np.int16, -32768, 32767, False),
        (np.uint16, 100, 4180, True),
        (np.float32, -1, 0, True),
        (np.float64, 0, 1e-3, True),
    ],
)
@pytest.mark.parametrize("measure", [*ALONE, *AGAINST_STACK])
def test_the_grey_range_makes_dtypes_comparable(measure, dtype, black, white, told):
    images = noise((20, 30), seed=1) // 2, noise((3, 20, 30)) // 2

    def measured(images, **options):
        fused, stack = images
        return measure(fused, *([stack] if measure in AGAINST_STACK else []), **options)

    decimals = 0 if np.issubdtype(dtype, np.integer) else 9
    scaled = [
        (black + grey / 255 * (white - black)).round(decimals).astype(dtype) for grey in images
    ]
    options = {"grey_range": (black, white)} if told else {}
    assert measured(images) > 0
    assert measured(scaled, **options) == pytest.approx(measured(images), rel=1e-3)


@pytest.mark.parametrize("measure", AGAINST_STACK)
def test_planes_are_read_one_at_a_time(measure):
    fused, stack = noise((20, 30), seed=1), noise((6, 20, 30)) // 2
    handed = []

    def planes():
        for plane in stack:
            copy = plane.copy()
            handed.append(weakref.ref(copy))
            yield copy
            del copy
            assert sum(reference() is not None for reference in handed) <= 2

    assert measure(fused, planes()) == measure(fused, stack)
    assert len(handed) == 6


def test_colour_is_weighed_as_luminance_and_alpha_is_not_seen():
    fused, _ = half_and_half()
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        colour = np.zeros((*fused.shape, 4), np.uint8)
        colour[..., channel] = fused
        assert average_gradient(colour) == pytest.approx(weight * average_gradient(fused), rel=1e-5)
    alpha = np.zeros((*fused.shape, 4), np.uint8)
    alpha[..., 3] = fused
    assert average_gradient(alpha) == 0
    two = np.stack([fused, np.zeros_like(fused)], axis=2)
    assert average_gradient(two) == pytest.approx(average_gradient(fused) / 2)


def test_average_gradient_and_spatial_frequency_by_hand():
    assert average_gradient(TINY) == pytest.approx(np.sqrt((3**2 + 4**2) / 2))
    assert spatial_frequency(TINY) == pytest.approx(np.sqrt((6**2 + 7**2) / 4))


@pytest.mark.parametrize("shape", [(2, 9), (13, 8)])
def test_average_gradient_and_spatial_frequency_equal_loops(shape):
    image = noise(shape)
    grey = image.astype(float)
    inner = [(y, x) for y in range(1, shape[0]) for x in range(1, shape[1])]
    squares = sum(
        (grey[p] - grey[p[0], p[1] - 1]) ** 2 + (grey[p] - grey[p[0] - 1, p[1]]) ** 2 for p in inner
    )
    assert spatial_frequency(image) == pytest.approx(np.sqrt(squares / grey.size))
    steps = [
        np.hypot(grey[y - 1, x] - grey[y - 1, x - 1], grey[y, x - 1] - grey[y - 1, x - 1])
        for y, x in inner
    ]
    assert average_gradient(image) == pytest.approx(np.mean(steps) / np.sqrt(2))


# --- what is refused


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: psnr(TINY, TINY[:1], data_range=255), StackError, r"(2, 2); accepted is that"),
        (lambda: psnr(TINY, TINY, data_range=0), ConfigError, "data_range is 0"),
        (lambda: ssim(TINY, TINY, data_range=255), StackError, "accepts 11 x 11 px and more"),
        (lambda: index_error(TINY, TINY[0]), StackError, "accepted is that of truth, (2,)"),
        (lambda: index_error(TINY, TINY, where=TINY > 99), StackError, "no pixel is left"),
        (lambda: index_error(TINY, TINY, where=[True]), StackError, "where has shape (1,)"),
        (
            lambda: average_gradient(TINY, grey_range=(1, 1)),
            ConfigError,
            "grey_range is (1, 1); accepted is (black, white)",
        ),
        (
            lambda: spatial_frequency(TINY[:1]),
            StackError,
            "accepted is (Y, X[, C]) of at least 2 x 2 px",
        ),
        (lambda: psnr(TINY + np.inf, TINY, data_range=255), StackError, "all_in_focus has values"),
        (lambda: ssim(TINY, TINY * np.nan, data_range=255), StackError, "truth has values that"),
        (lambda: index_error(TINY, TINY * np.nan), StackError, "index_map or truth has values"),
    ],
)
def test_errors_say_what_is_accepted(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


@pytest.mark.parametrize("measure", ALONE)
@pytest.mark.parametrize(
    ("image", "grey_range", "error", "text"),
    [
        (
            TINY[0],
            None,
            StackError,
            "the image has shape (2,); accepted is (Y, X[, C]) of at least",
        ),
        (
            TINY[:0],
            None,
            StackError,
            "the image has shape (0, 2); accepted is (Y, X[, C]) of at least",
        ),
        (TINY / 9, None, ConfigError, "give grey_range=(black, white)"),
        (TINY, (1, 1), ConfigError, "grey_range is (1, 1); accepted is (black, white)"),
        (TINY, (0, np.inf), ConfigError, "grey_range is (0, inf); accepted is (black, white)"),
        (TINY * np.nan, (0, 1), StackError, "the image has values that are infinite or not"),
    ],
)
def test_what_no_measure_of_an_image_alone_accepts(measure, image, grey_range, error, text):
    with pytest.raises(error, match=re.escape(text)):
        measure(image, grey_range=grey_range)


@pytest.mark.parametrize("measure", AGAINST_STACK)
@pytest.mark.parametrize(
    ("image", "stack", "error", "text"),
    [
        (TINY, [], StackError, "the stack has no planes; accepted is at least one"),
        (TINY, [TINY, TINY[:1]], StackError, "plane 1 has shape (1, 2); accepted is that of"),
        (
            TINY[0],
            [TINY[0]],
            StackError,
            "the image has shape (2,); accepted is (Y, X[, C]) of at least",
        ),
        (TINY / 9, [TINY], ConfigError, "give grey_range=(black, white)"),
        (TINY, [TINY, TINY + np.inf], StackError, "plane 1 has values that are infinite or not"),
    ],
)
def test_what_no_measure_against_a_stack_accepts(measure, image, stack, error, text):
    with pytest.raises(error, match=re.escape(text)):
        measure(image, stack)
