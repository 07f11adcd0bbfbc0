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
    here = np.logical_and.reduce([unlike._shown(p) for p in (one, plane, other)])
    around = unlike._Around.of(one, other, here, unlike.MANY_OFFS)
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
