"""Errors of depth: how far, how often, at borders, and in steps."""

import math

import numpy as np
import pytest

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.metrics import depth_error, index_error


def ramp(shape=(40, 50), planes=9):
    return np.linspace(0, planes, shape[1])[None] * np.ones((shape[0], 1))


def test_the_truth_is_perfect():
    found = depth_error(ramp(), ramp())
    assert (found.mean_planes, found.rms_planes, found.share_within) == (0, 0, 1)
    assert found.staircase == 0
    assert math.isnan(found.border_planes)


def test_errors_are_those_of_their_formulas():
    truth = ramp((30, 30))
    error = np.random.default_rng(0).normal(0, 1, truth.shape)
    found = depth_error(truth + error, truth)
    assert found.mean_planes == pytest.approx(np.abs(error).mean())
    assert found.mean_planes == pytest.approx(index_error(truth + error, truth).mean_planes)
    assert found.rms_planes == pytest.approx(np.sqrt((error**2).mean()))
    assert found.share_within == pytest.approx((np.abs(error) <= 1).mean())


def test_an_index_map_of_a_ramp_is_a_staircase():
    assert depth_error(np.rint(ramp()), ramp()).staircase == 1
    assert depth_error(ramp() + 0.2, ramp()).staircase < 0.2


@pytest.mark.parametrize("depth", [0, 3])
def test_whole_depths_are_no_staircase(depth):
    assert math.isnan(depth_error(np.full((5, 5), depth), np.full((5, 5), depth)).staircase)


@pytest.mark.parametrize("spread_px", [-3, -1, 0, 1, 3])
def test_a_near_object_that_spreads_has_a_positive_error_at_its_border(spread_px):
    truth, found = (np.zeros((40, 60)) for _ in range(2))
    truth[:, 30:] = found[:, 30 - spread_px :] = 8
    border = depth_error(found, truth).border_planes
    assert np.sign(border) == np.sign(spread_px)
    assert border == pytest.approx(8 * spread_px / 10, rel=0.3)


def test_only_the_pixels_asked_for_count():
    truth, where = ramp(), np.zeros((40, 50), bool)
    where[:, :25] = True
    wrong = np.where(where, truth, np.nan)
    assert depth_error(wrong, truth, where=where).mean_planes == 0
    with pytest.raises(StackError, match="finite"):
        depth_error(wrong, truth)
    with pytest.raises(StackError, match="no pixel is left"):
        depth_error(truth, truth, where=~np.ones_like(where))
    with pytest.raises(StackError, match="sub_plane_map"):
        depth_error(truth[:3], truth)
