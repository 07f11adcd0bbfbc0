"""Rendered smears of thin cells."""

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.synthetic import RenderConfig, Smear, render_smear
from napari_umis_fusion.synthetic._smear import light_of_smear, random_smear

SMALL = {"side_px": 96, "cell_px": 18.0, "cells": 2}


def test_equal_seeds_give_equal_stacks():
    one, other, third = (render_smear(Smear(seed=seed, **SMALL)) for seed in (1, 1, 2))
    assert np.array_equal(one.stack, other.stack)
    assert not np.array_equal(one.stack, third.stack)


def test_the_plane_in_focus_is_nearest_to_the_truth():
    rendered = render_smear(Smear(height=0.5, **SMALL), RenderConfig(planes=9))
    scores = [psnr(plane, rendered.all_in_focus, data_range=255) for plane in rendered.stack]
    assert int(np.argmax(scores)) == 4
    assert np.abs(rendered.sub_plane_map - 4).max() <= 0.5


@pytest.mark.parametrize("phase", [-1.2, 1.2])
def test_contrast_inverts_from_one_side_of_the_focus_to_the_other(phase):
    rendered = render_smear(Smear(height=0.5, phase=phase, **SMALL), RenderConfig(planes=11))
    middle = rendered.stack[5].astype(float)
    before, behind = (rendered.stack[z].astype(float) - middle for z in (3, 7))
    assert np.corrcoef(before.ravel(), behind.ravel())[0, 1] < -0.1


@pytest.mark.parametrize("planes", [2, 24])
def test_random_smears_are_of_many_kinds(planes):
    drawn = [random_smear(np.random.default_rng(seed), 48, planes) for seed in range(60)]
    assert {np.sign(smear.phase) for smear in drawn} == {-1, 1}
    assert np.ptp([smear.height for smear in drawn]) > 0.8
    assert np.ptp([smear.cells for smear in drawn]) >= 3
    assert max(s.cell_px for s in drawn) > 1.4 * min(s.cell_px for s in drawn)
    for smear in drawn[:6]:
        light, truth, depth = light_of_smear(smear, planes)
        assert light.shape == (planes, 48, 48)
        assert truth.min() < 0.95 * truth.max()
        assert np.isfinite(light).all()
        assert -0.5 <= depth.min() <= depth.max() <= planes - 0.5


def test_debris_lies_on_another_height():
    rendered = render_smear(Smear(debris=2, seed=3, **SMALL))
    apart = np.abs(rendered.sub_plane_map - rendered.sub_plane_map.max()) > 3
    assert 0.005 < apart.mean() < 0.3
    assert rendered.all_in_focus[apart].std() > 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side_px": 16}, "side_px is 16"),
        ({"cell_px": 200.0}, "a radius from 4 px"),
        ({"height": 1.5}, "height is 1.5"),
        ({"absorption": 1.0}, "absorption 1"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Smear(**options)
