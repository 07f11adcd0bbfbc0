"""The noise of planes, found from planes of which nothing else is known."""

from itertools import pairwise

import numpy as np
import pytest

from napari_umis_fusion.fusion.depth import _noise_level as module
from napari_umis_fusion.fusion.depth._noise_level import NoiseLevel
from napari_umis_fusion.runtime import Tile, tiles_of

KERNEL_MODULES = (module,)

WHOLE = Tile(slice(0, 12), slice(0, 14))


def level_of(planes, invalid=None, side_px=32):
    level = np.full(planes[0].shape, np.inf, np.float32)
    noise = NoiseLevel(level)
    for before, grey in pairwise(planes):
        for tile in tiles_of(grey, side_px):
            noise.measure(grey, before, invalid, tile)
    return level


@pytest.mark.parametrize("sigma", [0.5, 4.0])
def test_the_level_is_that_of_the_noise_under_any_texture(sigma):
    rng = np.random.default_rng(0)
    texture = 60 * rng.random((64, 80))
    planes = [(texture + rng.normal(0, sigma, texture.shape)).astype(np.float32) for _ in range(5)]
    level = level_of(planes)
    assert np.median(level) == pytest.approx(sigma, rel=0.15)
    assert (np.abs(level / sigma - 1) < 0.5).all()
    np.testing.assert_array_equal(level, level_of(planes, side_px=16))


def test_copies_and_invalid_pixels_say_nothing(jit):
    rng = np.random.default_rng(1)
    one, other = (rng.normal(100, 3, (12, 14)).astype(np.float32) for _ in range(2))
    invalid = np.zeros(one.shape, bool)
    invalid[:, 7:] = True
    level = level_of([one, one, other, other], invalid)
    assert np.isinf(level[invalid]).all()
    assert np.isfinite(level[~invalid]).all()
    assert (level[~invalid] > 1).all()


def test_every_second_pair_is_compared_after_the_first_two():
    level = np.full((12, 14), np.inf, np.float32)
    noise, compared = NoiseLevel(level), []
    for _ in range(7):
        level[...] = np.inf
        noise.begin_pair()
        noise.measure(np.eye(12, 14, dtype=np.float32), np.zeros_like(level), None, WHOLE)
        compared.append(bool(np.isfinite(level).any()))
    assert compared == [True, True, True, False, True, False, True]
