"""Parts of maps are as scipy has them."""

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.fusion.islands._shapes import (
    blurred_by,
    boxes_of,
    grown,
    labelled,
    medians_of,
    opened,
)

SHAPES = [(1, 1), (1, 9), (7, 1), (2, 2), (5, 8), (40, 33)]


def parts(shape):
    """Yield parts from empty to full, ragged and smooth."""
    for seed in range(4):
        values = np.random.default_rng(seed).random(shape)
        for image in (values, scipy.ndimage.gaussian_filter(values, 1.5)):
            for share in (0.0, 0.3, 0.6, 1.0):
                yield image >= np.quantile(image, 1 - share) if share else np.zeros(shape, bool)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma_px", [0.7, 4.0])
def test_images_are_blurred(shape, sigma_px):
    image = np.random.default_rng(0).random(shape, np.float32)
    wanted = scipy.ndimage.gaussian_filter(image, sigma_px)
    np.testing.assert_allclose(blurred_by(image, sigma_px), wanted, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_parts_are_grown_and_opened(shape):
    for part in parts(shape):
        assert np.array_equal(opened(part), scipy.ndimage.binary_opening(part))
        for pixels in (1, 3):
            wanted = scipy.ndimage.binary_dilation(part, iterations=pixels)
            assert np.array_equal(grown(part, pixels), wanted)


@pytest.mark.parametrize("shape", SHAPES)
def test_pieces_are_numbered_boxed_and_summed_up(shape):
    values = np.random.default_rng(9).integers(0, 9, shape, dtype=np.int32)
    for part in parts(shape):
        labels, count = labelled(part)
        wanted, known = scipy.ndimage.label(part)
        assert (labels.dtype, count) == (np.int32, known)
        assert np.array_equal(labels, wanted)
        assert boxes_of(labels, count) == scipy.ndimage.find_objects(wanted)
        if count:
            medians = scipy.ndimage.median(values, wanted, range(1, count + 1))
            assert np.array_equal(medians_of(values, labels, count)[1:], np.rint(medians))


def test_pieces_that_meet_far_below_are_one():
    """Combs and spirals: what is one piece shows only in the last rows."""
    comb = np.zeros((30, 61), bool)
    comb[:, ::2] = comb[-1] = True
    spiral = np.zeros((33, 33), bool)
    for ring in range(0, 16, 2):
        inner = slice(ring, 33 - ring)
        spiral[inner, [ring, 32 - ring]] = spiral[[ring, 32 - ring], inner] = True
        spiral[ring + 1, ring] = False
        spiral[ring + 2, ring : ring + 2] = True
    for part in (comb, comb[::-1], comb.T, spiral, spiral[::-1], ~spiral):
        labels, count = labelled(part)
        wanted, known = scipy.ndimage.label(part)
        assert count == known
        assert np.array_equal(labels, wanted)
