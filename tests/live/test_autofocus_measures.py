"""The measures of autofocus."""

from typing import get_args

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.live import _autofocus_measures as measures
from napari_umis_fusion.live._autofocus_config import AutofocusMeasure

ALL = get_args(AutofocusMeasure)


def picture(seed, shape=(96, 80)):
    """Bright objects in the dark, as in most of microscopy: here entropy says something, too."""
    rng = np.random.default_rng(seed)
    spots = scipy.ndimage.gaussian_filter((rng.random(shape) < 0.02).astype(np.float32), 1.0)
    return 100 + 4000 * spots


def value(grey, measure):
    return measures.focus_value(np.asarray(grey, np.float32), measure)


@pytest.mark.parametrize("measure", [name for name in ALL if name != "entropy"])
@pytest.mark.parametrize("seed", range(3))
def test_it_falls_with_each_step_of_blur(measure, seed):
    blurred = [scipy.ndimage.gaussian_filter(picture(seed), sigma) for sigma in (0, 0.7, 1.5, 3, 6)]
    values = [value(grey, measure) for grey in blurred]
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("measure", ALL)
def test_a_brighter_lamp_changes_nothing(measure):
    grey = picture(1)
    assert value(3.7 * grey, measure) == pytest.approx(value(grey, measure), rel=1e-3)


@pytest.mark.parametrize("measure", ALL)
def test_rows_and_columns_count_alike(measure):
    grey = picture(2)
    for same in (grey.T, grey[::-1], grey[:, ::-1]):
        assert value(same, measure) == pytest.approx(value(grey, measure), rel=0.02)


@pytest.mark.parametrize("measure", ALL)
@pytest.mark.parametrize("shape", [(8, 8), (8, 40), (33, 9)])
def test_the_smallest_regions_have_a_value(measure, shape):
    sharp = value(picture(3)[: shape[0], : shape[1]], measure)
    assert np.isfinite(sharp)
    assert sharp > value(np.full(shape, 7.0), measure) - 1e-9


@pytest.mark.parametrize("measure", ALL)
@pytest.mark.parametrize("level", [0.0, -5.0, np.nan])
def test_no_light_is_no_focus(measure, level):
    assert value(np.full((16, 16), level), measure) == 0


def test_they_are_what_their_authors_wrote():
    grey = picture(4, (24, 20)).astype(np.float64)
    mean, (rows, columns) = grey.mean(), grey.shape
    pixels = [(y, x) for y in range(rows) for x in range(columns)]
    brenner = np.mean(
        [(grey[y + 2, x] - grey[y, x]) ** 2 for y, x in pixels if y + 2 < rows]
    ) + np.mean([(grey[y, x + 2] - grey[y, x]) ** 2 for y, x in pixels if x + 2 < columns])
    vollath = np.mean(
        [grey[y, x] * (grey[y + 1, x] - grey[y + 2, x]) for y, x in pixels if y + 2 < rows]
    ) + np.mean(
        [grey[y, x] * (grey[y, x + 1] - grey[y, x + 2]) for y, x in pixels if x + 2 < columns]
    )
    inner = scipy.ndimage.convolve(grey, [[0, 1, 0], [1, -4, 1], [0, 1, 0]])[1:-1, 1:-1]
    shares = np.histogram(np.minimum(grey / mean, 3.999), 256, (0, 4))[0] / grey.size
    for measure, expected in (
        ("brenner", brenner / mean**2),
        ("vollath", vollath / mean**2),
        ("normalised_variance", grey.var() / mean**2),
        ("laplacian_variance", inner.var() / mean**2),
        ("entropy", -sum(share * np.log2(share) for share in shares if share)),
    ):
        assert value(grey, measure) == pytest.approx(expected, rel=1e-3), measure


def test_noise_adds_nothing_to_vollath():
    noise = np.random.default_rng(0).normal(1000, 100, (400, 400))
    assert abs(value(noise, "vollath")) < 0.1 * value(noise, "normalised_variance")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_colours_become_grey_without_opacity(dtype):
    colours = np.random.default_rng(0).integers(0, 200, (10, 12, 4)).astype(dtype)
    grey = measures.grey_of(colours)
    assert grey.dtype == np.float32
    assert grey == pytest.approx(colours[..., :3].astype(float).mean(axis=2), rel=1e-5)
    assert measures.grey_of(colours[..., 0]).shape == (10, 12)
