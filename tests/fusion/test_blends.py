"""Averaged values follow the index map that consistency verification made."""

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion import fuse

SIDE = 120


def dark_and_light():
    """Two planes, one sharp all over, of another brightness; the other's specks look sharper."""
    rng = np.random.default_rng(0)
    detail = ndimage.gaussian_filter(rng.normal(0, 120, (SIDE, SIDE)), 1.2)
    stack = np.stack([80 + 0.5 * detail, 160 + detail]).astype(np.float32)
    for y, x in [(30, 30), (60, 80), (90, 40)]:
        stack[0, y - 2 : y + 3, x - 2 : x + 3] += rng.normal(0, 35, (5, 5))
    return np.clip(stack, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mirrored", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("verification", ["mode", "fuzzy"])
def test_overruled_specks_do_not_show(verification, mirrored):
    stack = dark_and_light()[:: -1 if mirrored else 1]
    right = 0 if mirrored else 1
    options = {"focus_measure": "laplacian", "window_sigma_px": 1.5, "blend": "weighted"}
    plain = fuse(stack, **options, verification="none")
    cleaned = fuse(stack, **options, verification=verification, verification_window_px=41)
    overruled = plain.index_map != cleaned.index_map
    assert overruled.sum() > 20, "there is something to overrule"
    assert (cleaned.index_map == right).all()
    apart = [
        np.abs(result.all_in_focus[overruled] - stack[right][overruled].astype(float))
        for result in (plain, cleaned)
    ]
    assert apart[1].mean() < 0.5 * apart[0].mean()
    wrong = stack[1 - right][overruled].astype(float)
    nearer = apart[1] < np.abs(cleaned.all_in_focus[overruled] - wrong)
    assert nearer.mean() > 0.95


@pytest.mark.parametrize("measure", ["laplacian", "learned"])
def test_filter_that_changes_nothing_changes_no_value(measure):
    options = {"focus_measure": measure, "device": "cpu", "blend": "weighted"}
    plain = fuse(dark_and_light(), **options, verification="none")
    same = fuse(dark_and_light(), **options, verification="mode", verification_window_px=1)
    np.testing.assert_array_equal(same.index_map, plain.index_map)
    np.testing.assert_array_equal(same.all_in_focus, plain.all_in_focus)
