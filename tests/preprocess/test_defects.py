import json
from functools import cache

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.preprocess.illumination import DefectFinder, Defects
from napari_umis_fusion.preprocess.illumination._defects import MIN_PLANES
from napari_umis_fusion.preprocess.illumination._residuals import bin_twofold, update_extremes
from napari_umis_fusion.synthetic import make_stack
from napari_umis_fusion.synthetic._sensor import hot_pixels, shading

SHAPE = (160, 200)
HOT, SPOTS, SEED = 30, 8, 3
NAMES = ["bumps", "discs", "fluorescence"]


@cache
def clean(name, planes=8, noisy=False, slope=1.0):
    options = {"planes": planes, "noisy": noisy, "channels": None, "slope_px_per_plane": slope}
    return make_stack(name, SHAPE, **options).stack


def greys_of(stack):
    opened = as_stack(stack)
    to_grey = GreyConverter(opened, "auto")
    return [to_grey(plane) for plane in opened]


def found(greys, invalid=None):
    finder = DefectFinder(greys[0].shape)
    for grey in greys:
        finder.add(grey, invalid)
    return finder.defects()


def is_clean(defects):
    return not defects.mask.any()


def test_a_part_without_other_pixels_stays_as_it_is():
    """As of a small part of a plane, all of it under a grain of dust."""
    nowhere, everywhere = np.zeros((4, 5), bool), np.ones((4, 5), bool)
    grey = np.arange(20, dtype=np.float32).reshape(4, 5)
    filled = Defects(nowhere, everywhere).fill(grey.copy())
    np.testing.assert_array_equal(filled, grey)


# --- hot and dead pixels


def with_pixels(stack, value):
    """The stack with pixels of one value, but where the specimen itself is nearly as bright."""
    bad = hot_pixels(SHAPE, HOT, SEED)
    span = np.ptp(stack.astype(float))
    near = np.abs(stack.astype(float) - value).min(0) < span / 4
    bad &= ~scipy.ndimage.maximum_filter(near, 3)
    stack = stack.copy()
    stack[:, bad] = value
    return stack, bad


@pytest.mark.parametrize(
    ("name", "kind"),  # dead pixels do not show in the dark of fluorescence
    [
        ("bumps", "hot"),
        ("discs", "hot"),
        ("fluorescence", "hot"),
        ("bumps", "dead"),
        ("discs", "dead"),
    ],
)
@pytest.mark.parametrize("noisy", [False, True], ids=["clean", "noisy"])
def test_hot_and_dead_pixels_are_found_and_no_others(name, kind, noisy):
    stack = clean(name, noisy=noisy)
    value = stack.max() if kind == "hot" else stack.min()
    stack, bad = with_pixels(stack, value)
    pixels = found(greys_of(stack)).pixels
    assert bad.sum() > 5
    assert np.mean(pixels[bad]) > 0.95
    assert np.count_nonzero(pixels & ~bad) == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("noisy", [False, True], ids=["clean", "noisy"])
@pytest.mark.parametrize(("planes", "slope"), [(MIN_PLANES, 1.0), (8, 1.0), (8, 5.0)])
def test_nothing_is_marked_where_nothing_is_wrong(name, noisy, slope, planes):
    assert is_clean(found(greys_of(clean(name, planes, noisy, slope))))


@pytest.mark.parametrize("name", ["bumps", "discs", "fluorescence", "weak_texture", "bars"])
def test_nothing_is_marked_where_the_specimen_is_in_focus_in_all_planes(name):
    assert is_clean(found(greys_of(clean(name, slope=0.0))))


def test_pixels_are_found_at_borders_corners_in_pairs_and_before_nothing():
    bad = np.zeros((40, 50), bool)
    bad[[0, 0, 39, 20, 20, 30], [0, 25, 49, 20, 21, 10]] = True
    rng = np.random.default_rng(0)
    planes = [rng.normal(50, 2, bad.shape).astype(np.float32) for _ in range(5)]
    for plane in planes:
        plane[bad] += 40
    np.testing.assert_array_equal(found(planes).pixels, bad)


def test_what_stands_out_in_all_planes_but_one_is_no_defect():
    planes = np.full((6, 20, 20), 50, np.float32)
    planes[:, 5, 5] = planes[:, 9, 9] = 200
    planes[3, 9, 9] = 50
    assert np.argwhere(found(list(planes)).pixels).tolist() == [[5, 5]]


def test_a_pixel_above_in_some_planes_and_below_in_others_is_no_defect():
    planes = np.full((6, 20, 20), 100, np.float32)
    planes[::2, 5, 5], planes[1::2, 5, 5] = 200, 20
    assert is_clean(found(list(planes)))


def reference_residual(grey):
    around = np.ones((3, 3), bool)
    around[1, 1] = False

    def of_window(window):
        ordered, value = np.sort(window[np.arange(9) != 4]), window[4]
        less, more = ordered[1], ordered[-2]
        return max(value - (2 * more - less), 0) + min(value - (2 * less - more), 0)

    return scipy.ndimage.generic_filter(grey.astype(np.float64), of_window, 3, mode="mirror")


@pytest.mark.parametrize("shape", [(3, 3), (7, 12), (16, 5)])
def test_the_kernels_agree_with_numpy(shape):
    planes = np.random.default_rng(0).integers(0, 100, (3, *shape)).astype(np.float32)
    planes[:, 1, 1] += 500
    lowest, highest = np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32)
    for plane in planes:
        update_extremes(np.pad(plane, 1, mode="reflect"), lowest, highest)
    wanted = np.array([reference_residual(plane) for plane in planes])
    np.testing.assert_allclose(lowest, wanted.min(0))
    np.testing.assert_allclose(highest, wanted.max(0))
    assert wanted.min(0)[1, 1] > 100
    small = np.empty((shape[0] // 2, shape[1] // 2), np.float32)
    bin_twofold(planes[0], small)
    even = planes[0, : 2 * small.shape[0], : 2 * small.shape[1]]
    np.testing.assert_allclose(small, even.reshape(small.shape[0], 2, -1, 2).mean((1, 3)))


# --- dust

SHADE = shading(SHAPE, 0, SPOTS, SEED)


def dusty(stack, gains=1.0):
    lit = stack * (SHADE * np.broadcast_to(gains, len(stack))[:, None, None])
    return np.rint(np.minimum(lit, 255)).astype(np.uint8)


@pytest.mark.parametrize("name", ["weak_texture", "bars"])
@pytest.mark.parametrize("flicker", [0, 0.05])
def test_most_dust_is_found_where_focus_moves_far(name, flicker):
    stack = clean(name, slope=5.0)
    gains = 1 + flicker * np.random.default_rng(0).standard_normal(len(stack))
    dust = found(greys_of(dusty(stack, gains))).dust
    spots, count = scipy.ndimage.label(SHADE < 0.92)
    hit = len(set(spots[dust]) - {0})
    marks, marked = scipy.ndimage.label(dust)
    false = sum(not np.any(spots[marks == k + 1]) for k in range(marked))
    assert hit > 0.7 * count
    assert false == 0
    assert dust.mean() < 0.1
    assert is_clean(found(greys_of(stack)))


def test_soft_spots_are_left_alone_where_the_specimen_is_as_soft():
    """A blur of 4 px at most leaves spots of a sigma of 5 px as they are: dust or specimen?"""
    assert not found(greys_of(dusty(clean("discs", slope=0.5)))).dust.any()


# --- few planes, odd planes, invalid pixels


@pytest.mark.parametrize("planes", range(MIN_PLANES))
def test_too_few_planes_mark_nothing(planes):
    plane = np.full((20, 20), 50, np.float32)
    plane[5, 5] = 250
    finder = DefectFinder(plane.shape)
    for _ in range(planes):
        finder.add(plane)
    assert is_clean(finder.defects())


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 3), (40, 40)])
@pytest.mark.parametrize("level", [0.0, 255.0])
def test_constant_and_tiny_planes_do_no_harm(shape, level):
    assert is_clean(found([np.full(shape, level, np.float32)] * 5))


def test_invalid_pixels_are_not_marked_and_make_no_edge():
    stack, _ = with_pixels(clean("bumps"), 255)
    greys = greys_of(stack)
    wanted = found(greys).pixels
    invalid = np.zeros(SHAPE, bool)
    invalid[:, 60:70] = True
    for grey in greys:
        grey[invalid] = np.nan
    defects = found(greys, invalid)
    near = scipy.ndimage.binary_dilation(invalid, iterations=2)
    np.testing.assert_array_equal(defects.pixels[~near], wanted[~near])
    assert not defects.mask[invalid].any()
    assert np.isnan(greys[0][invalid]).all()


def test_planes_are_not_changed():
    greys = greys_of(clean("bumps"))
    before = [grey.copy() for grey in greys]
    found(greys)
    np.testing.assert_array_equal(greys, before)


# --- filling


def marked(mask):
    return Defects(mask, np.zeros_like(mask))


def test_filling_restores_a_slope_and_leaves_the_rest_to_the_bit():
    rows, columns = np.mgrid[:50, :60].astype(np.float32)
    slope = 3 * rows - 2 * columns + 100
    mask = np.zeros(slope.shape, bool)
    mask[10:22, 30:41] = mask[5, 5] = mask[40, 20:23] = True
    grey = np.where(mask, 1e4, slope).astype(np.float32)
    assert marked(mask).fill(grey) is grey
    np.testing.assert_array_equal(grey[~mask], slope[~mask])
    np.testing.assert_allclose(grey[mask], slope[mask], atol=1e-3)


def test_filled_pixels_have_no_detail():
    mask = hot_pixels(SHAPE, 40, 0)
    mask[50:70, 50:75] = mask[:6, :9] = True
    grey = np.random.default_rng(0).uniform(0, 255, SHAPE).astype(np.float32)
    filled = marked(mask).fill(grey)
    bend = scipy.ndimage.laplace(filled, mode="nearest")
    assert np.abs(bend[mask]).max() < 1e-3
    assert filled[mask].min() >= 0
    assert filled[mask].max() <= 255


@pytest.mark.parametrize("shape", [(4, 1), (1, 6), (5, 5)])
def test_holes_at_borders_are_filled(shape):
    mask = np.ones(shape, bool)
    mask[-1, -1] = False
    grey = np.zeros(shape, np.float32)
    grey[-1, -1] = 7
    np.testing.assert_allclose(marked(mask).fill(grey), 7)


def test_without_defects_nothing_changes():
    grey = np.random.default_rng(0).uniform(0, 255, (9, 9)).astype(np.float32)
    before = grey.copy()
    np.testing.assert_array_equal(marked(np.zeros((9, 9), bool)).fill(grey), before)


def test_describe_is_json():
    pixels, dust = np.zeros((2, 20, 20), bool)
    pixels[3, 3] = pixels[3, 4] = dust[10:13, 10:13] = True
    told = json.loads(json.dumps(Defects(pixels, dust).describe()))
    assert told == {"hot_or_dead_pixels": 2, "dust_spots": 1, "dust_pixels": 9}
