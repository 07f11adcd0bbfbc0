"""Planes that show another picture: what clears a plane at once is what the whole look says."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.health import _exposure as exposure
from napari_umis_fusion.preprocess.health import _unlike as unlike
from napari_umis_fusion.preprocess.health._statistics import measure_plane


def planes_of(seed):
    """Return three planes that are less alike with every seed."""
    rng = np.random.default_rng(seed)
    shared, own = rng.random((96, 128, 2)), rng.random((3, 96, 128, 2))
    planes = np.repeat(np.repeat(shared + own * seed / 4, 2, 1), 2, 2)
    planes[0, :8] = 0
    return [measure_plane(z, plane.astype(np.float32)) for z, plane in enumerate(planes)]


@pytest.mark.parametrize("seed", range(12))
def test_no_tile_between_two_planes_is_off(seed):
    one, plane, other = planes_of(seed)
    here = np.logical_and.reduce([unlike.shown_tiles(p) for p in (one, plane, other)])
    around = unlike._Around.of(one.mean, other.mean, here, unlike.MANY_OFFS)
    off = sum(around.shares_off(plane.mean, here))
    between = unlike._share_between(plane.mean, one, other, here)
    assert 0 < off + between <= 1 + 1e-12


def test_a_gain_that_is_known_is_that_of_both_directions():
    one, plane, _ = planes_of(1)
    dark = plane.scaled(3.0, 0.0)
    gain = exposure._log_gain(one, dark)
    assert gain == pytest.approx(-np.log(3), abs=0.1)
    assert exposure._log_gain(one, dark) == gain
    assert exposure._log_gain(dark, one) == -gain
    assert -gain == pytest.approx(exposure._measured_log_gain(dark, one), abs=1e-12)


@pytest.mark.parametrize("edge", [np.fmin, np.fmax, np.add])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 1), (7, 3, 2)])
def test_what_is_around_a_tile_ends_with_the_picture(shape, edge):
    tiles = np.random.default_rng(0).random(shape)
    padded = np.pad(tiles, [(1, 1), (1, 1), (0, 0)], mode="edge")
    height, width, _ = shape
    parts = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    expected = edge.reduce(parts)
    np.testing.assert_allclose(unlike.over_3_x_3(tiles, edge), expected, rtol=1e-12)
