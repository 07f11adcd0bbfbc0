"""Large stacks in little memory: without colour, and window by window."""

import numpy as np
import pytest

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.runtime import Workers, run_to_end
from napari_umis_fusion.synthetic import make_stack
from napari_umis_fusion.training.data import REGION_PX
from napari_umis_fusion.training.data import _sharp_regions as sharp_regions
from napari_umis_fusion.training.data import _windows as windowing
from napari_umis_fusion.training.data._grey_stack import without_colour

CLASSICAL = FusionConfig(focus_measure="laplacian")
RNG = np.random.default_rng(0)


def blank(height, width):
    return as_stack(np.zeros((2, height, width), np.uint8))


@pytest.mark.parametrize(
    ("height", "width", "down", "along"),
    [(1, 99, 1, 2), (89, 80, 1, 1), (90, 80, 2, 1), (171, 500, 3, 7), (1000, 161, 13, 2)],
)
def test_windows_are_of_whole_regions_and_cover_all(height, width, down, along):
    parts = windowing.windows(blank(height, width), 10)
    seen = np.zeros((height, width), int)
    for (top, left), part in parts:
        assert (top % 10, left % 10) == (0, 0)
        seen[top : top + part.shape[1], left : left + part.shape[2]] += 1
        assert max(part.shape[1:]) < 10 * (windowing.WINDOW_REGIONS + 1)
    assert (seen == 1).all()
    assert len(parts) == down * along


@pytest.mark.parametrize("kept_mb", [1, 0], ids=["kept", "read anew"])
def test_a_window_shows_its_part_of_the_planes(kept_mb, monkeypatch):
    monkeypatch.setattr(windowing, "KEPT_MB", kept_mb)
    planes = RNG.integers(0, 9, (3, 30, 40), np.uint8)
    window = windowing.Window(as_stack(planes), slice(10, 25), slice(5, 40))
    for act in (window.keep, window.drop):
        act()
        np.testing.assert_array_equal(window.plane(1), planes[1, 10:25, 5:40])
        part = window.region(2, slice(3, 9), slice(4, 6))
        np.testing.assert_array_equal(part, planes[2, 13:19, 9:11])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_becomes_luminance_of_the_same_dtype(dtype):
    planes = RNG.integers(0, np.iinfo(dtype).max, (2, 30, 40, 3), dtype, endpoint=True)
    grey = without_colour(as_stack(planes))
    expected = np.rint(planes @ np.array([0.299, 0.587, 0.114]))
    assert (grey.shape, grey.dtype) == ((2, 30, 40), dtype)
    assert np.abs(grey.plane(1) - expected[1]).max() <= 1
    part = grey.region(0, slice(2, 9), slice(30, 40))
    np.testing.assert_array_equal(part, grey.plane(0)[2:9, 30:])


@pytest.mark.parametrize(
    "planes",
    [np.zeros((2, 9, 9)), np.zeros((2, 9, 9, 4), np.uint8), np.zeros((2, 9, 9, 3), np.float32)],
    ids=["grey", "opacity", "floats"],
)
def test_other_stacks_stay_as_they_are(planes):
    stack = as_stack(planes)
    assert without_colour(stack) is stack


def regions_of(stack, parts):
    with Workers() as workers:
        found = sharp_regions._iter_candidates(stack, parts, CLASSICAL, workers)
        return run_to_end(found)


def test_windows_give_the_regions_of_the_whole(monkeypatch):
    """In one range of grey: one of their own would make the dark window as bright as the other."""
    bumps = make_stack("bumps", (REGION_PX, 2 * REGION_PX), planes=3, channels=None).stack
    planes = bumps.astype(np.uint16) * 200
    planes[:, :, REGION_PX:] //= 50
    stack = as_stack(planes)
    whole = regions_of(stack, [((0, 0), stack)])
    monkeypatch.setattr(windowing, "WINDOW_REGIONS", 1)
    parts = windowing.windows(stack, REGION_PX)
    assert len(parts) == 2
    for one, other in zip(whole, regions_of(stack, parts), strict=True):
        assert (one.corner, one.is_sharp) == (other.corner, other.is_sharp)
        assert np.abs(one.grey - other.grey).mean() < 0.02


def test_what_no_plane_knows_is_in_no_region(monkeypatch):
    monkeypatch.setitem(sharp_regions.OPTIONS, "focus_measure", "laplacian")
    bumps = make_stack("bumps", (REGION_PX, 2 * REGION_PX), planes=3, channels=None).stack
    planes = bumps.astype(np.float32) / 255
    planes[1, :50, :50] = np.nan  # which other planes know
    planes[:, :30, REGION_PX : REGION_PX + 30] = np.nan
    ((name, grey),) = run_to_end(sharp_regions.iter_regions(planes))
    assert name == "at 0, 0"
    assert np.isfinite(grey).all()
