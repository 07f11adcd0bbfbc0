"""The finest detail, against the convolutions of SciPy."""

import numpy as np
import pytest
from scipy.ndimage import convolve1d

from napari_umis_fusion.preprocess.fixed_pattern._detail import alternation, finest, octaves

SHAPES = [(1, 1), (1, 40), (2, 3), (5, 4), (3, 9), (64, 64), (130, 77)]


def convolved(grey, taps, step, axis):
    kernel = np.zeros(4 * step + 1, np.float32)
    kernel[::step] = np.array(taps) / 16
    return convolve1d(grey, kernel, axis=axis, mode="mirror")


def smoothed(grey, step):
    rows = convolved(grey, (1, 4, 6, 4, 1), step, 0)
    return convolved(rows, (1, 4, 6, 4, 1), step, 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1e-3, 255, 1e7])
def test_equal_to_the_last_bit(shape, scale):
    grey = np.random.default_rng(sum(shape)).normal(0, scale, shape).astype(np.float32)
    for axis in (0, 1):
        for step in (1, 2):
            wanted = convolved(grey, (1, -4, 6, -4, 1), step, axis)
            np.testing.assert_array_equal(alternation(grey, axis, step), wanted)
    once = smoothed(grey, 1)
    np.testing.assert_array_equal(finest(grey), grey - once)
    np.testing.assert_array_equal(octaves(grey)[0], grey - once)
    np.testing.assert_array_equal(octaves(grey)[1], once - smoothed(once, 2))


def test_images_of_a_stack_are_convolved_each():
    stack = np.random.default_rng(1).normal(size=(3, 20, 31)).astype(np.float32)
    np.testing.assert_array_equal(finest(stack), [finest(grey) for grey in stack])
    for axis in (0, 1):
        wanted = [alternation(grey, axis) for grey in stack]
        np.testing.assert_array_equal(alternation(stack, axis), wanted)


def test_any_layout():
    grey = np.random.default_rng(2).normal(size=(40, 60)).astype(np.float32)
    np.testing.assert_array_equal(finest(grey.T), finest(np.ascontiguousarray(grey.T)))
    np.testing.assert_array_equal(finest(grey[:, ::2]), finest(grey[:, ::2].copy()))
