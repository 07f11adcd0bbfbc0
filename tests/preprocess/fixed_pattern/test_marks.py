"""Marks are found among noise, and detail of a specimen is none."""

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.preprocess.fixed_pattern._detail import finest
from napari_umis_fusion.preprocess.fixed_pattern._marks import BLOCK_PX, add_marks

SHAPE = (BLOCK_PX + 90, 120)


def split(detail):
    """Return the finest detail, and what is softer."""
    fine = finest(detail.astype(np.float32))
    return fine, detail.astype(np.float32) - fine


def scratch():
    marks, rows = np.zeros(SHAPE), np.arange(SHAPE[0])
    marks[rows, 20 + rows // 8] = -30
    return gaussian_filter(marks, 0.6)


def found_in(detail, mean):
    pattern = np.zeros(SHAPE, np.float32)
    add_marks(pattern, *split(detail), mean.astype(np.float32))
    return pattern


def test_a_scratch_is_put_in_as_it_is():
    rng, marks = np.random.default_rng(0), scratch()
    noise = rng.normal(0, 1, (2, *SHAPE))
    pattern = found_in(marks + noise[0], marks + 0.5 * noise[1])
    is_deep = marks < -8
    assert np.mean(pattern[is_deep] < -4) > 0.9
    assert np.mean(pattern[marks > -0.1] != 0) < 0.01


def test_detail_that_is_stronger_in_most_planes_is_a_specimen():
    rng, marks = np.random.default_rng(1), scratch()
    assert not found_in(marks + rng.normal(0, 1, SHAPE), 1.6 * marks).any()


def test_noise_is_no_mark():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 1, SHAPE)
    assert np.mean(found_in(noise, noise) != 0) < 0.002
