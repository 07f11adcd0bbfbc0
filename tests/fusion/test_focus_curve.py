"""The focus of one pixel along z, from a rectangle around it."""

import threading

import numpy as np
import pytest

from napari_umis_fusion import fuse
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure import CLASSICAL, choose_measure, focus_map
from napari_umis_fusion.fusion import iter_focus_curve
from napari_umis_fusion.fusion._focus_curve import focus_curve
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Workers, run_to_end
from napari_umis_fusion.stack import Calibration, CroppedStack, Stack
from napari_umis_fusion.synthetic import make_stack

SHAPE = (150, 190)
PLANES = 6
LAPLACIAN = FusionConfig("laplacian")
PLACES = [(0, 0), (149, 189), (0, 100), (75, 95), (97, 64), (31, 33)]


@pytest.fixture(scope="module")
def colour():
    return make_stack("bumps", SHAPE, planes=PLANES, noisy=True).stack


@pytest.fixture(scope="module")
def deep(colour):
    """Grey in 16 bits, which fusion stretches by the range of a whole plane."""
    return colour[..., 1].astype(np.uint16) * 11 + 500


class Watched(Stack):
    """Counts what is read of a stack, and lives through it only by rectangles."""

    def __init__(self, stack):
        self._stack = as_stack(stack)
        self.shape, self.dtype, self.rgb = self._stack.shape, self._stack.dtype, self._stack.rgb
        self.whole, self.largest = [], 0

    def plane(self, z):
        self.whole.append(z)
        return self._stack.plane(z)

    def region(self, z, rows, columns):
        part = self._stack.region(z, rows, columns)
        self.largest = max(self.largest, part.shape[0] * part.shape[1])
        return part


def whole_planes(stack, config):
    """Measure whole planes, as fusion does."""
    stack = as_stack(stack)
    to_grey = GreyConverter(stack, config.channel)
    maps = np.empty(stack.shape[:3], np.float32)
    with Workers() as workers:
        measure = choose_measure(config, workers, to_grey)
        told = 0
        for z, plane in enumerate(stack):
            run_to_end(measure.iter_add(to_grey(plane), plane))
            if z >= measure.delay_planes:
                run_to_end(measure.iter_fill(maps[told]))
                told += 1
        run_to_end(measure.iter_end())
        for focus in maps[told:]:
            run_to_end(measure.iter_fill(focus))
    return maps


@pytest.mark.parametrize(
    ("name", "median_filter"), [*((name, False) for name in CLASSICAL), ("laplacian", True)]
)
def test_classical_focus_is_that_of_whole_planes(colour, deep, name, median_filter):
    config = FusionConfig(name, median_filter=median_filter)
    for stack in (colour, deep):
        maps = whole_planes(stack, config)
        for row, column in PLACES:
            curve = focus_curve(stack, row, column, config)
            np.testing.assert_allclose(curve.focus, maps[:, row, column], rtol=1e-6)
            np.testing.assert_array_equal(curve.values, stack[:, row, column])


def test_wide_windows_are_honoured():
    stack = np.random.default_rng(0).integers(0, 256, (2, 400, 300), np.uint8)
    config = LAPLACIAN.replace(window_sigma_px=20.0, detail_sigma_px=3.0)
    expected = [focus_map(plane, config)[200, 150] for plane in stack]
    np.testing.assert_allclose(focus_curve(stack, 200, 150, config).focus, expected, rtol=1e-6)


def test_sharpest_is_the_index_map_of_a_fusion(colour):
    config = LAPLACIAN.replace(verification="none", blend="select")
    index_map = fuse(colour, config).index_map
    places = np.random.default_rng(0).integers((0, 0), SHAPE, (40, 2)).tolist()
    same = [focus_curve(colour, y, x, config).sharpest == index_map[y, x] for y, x in places]
    assert np.mean(same) > 0.95


def test_learned_focus_is_nearly_that_of_whole_planes():
    stack = make_stack("fluorescence", (230, 500), planes=7, noisy=True).stack
    config = FusionConfig()
    with np.errstate(divide="ignore"):
        maps = np.log(whole_planes(stack, config))
    for row, column, margin_px, tolerance in [
        *((0, 0, None, 0.05), (115, 250, None, 0.05), (100, 499, None, 0.05)),
        *((115, 250, 288, 1e-3), (229, 131, 288, 1e-3)),
    ]:
        curve = focus_curve(stack, row, column, config, margin_px=margin_px)
        expected = maps[:, row, column]
        assert curve.is_share
        assert curve.sharpest == expected.argmax()
        np.testing.assert_allclose(np.log(curve.focus), expected, rtol=0, atol=tolerance)


@pytest.mark.slow
def test_umis_focus_is_nearly_that_of_whole_planes(deep):
    stack, config = deep[:3], FusionConfig("umis")
    maps = whole_planes(stack, config)
    for row, column in [(75, 180), (149, 0)]:
        curve = focus_curve(stack, row, column, config)
        assert not curve.is_share
        np.testing.assert_allclose(curve.focus, maps[:, row, column], rtol=0.1)


def test_no_more_is_read_than_a_rectangle_and_the_range_of_grey(deep):
    stack = Watched(deep)
    curve = focus_curve(stack, 75, 95, LAPLACIAN)
    assert stack.whole == [PLANES // 2 - 1, PLANES // 2]
    assert stack.largest <= 96**2
    to_grey = GreyConverter(Watched(deep), "auto")
    again = Watched(deep)
    kept = focus_curve(again, 75, 95, LAPLACIAN, to_grey=to_grey)
    assert again.whole == []
    np.testing.assert_array_equal(kept.focus, curve.focus)


def test_planes_do_not_compete_where_they_show_nothing(colour):
    """Neither where a value stands for nothing, nor where they are transparent."""
    empty = np.where(colour, colour, 1)
    empty[2, :60] = 0
    alpha = np.full((*colour.shape[:3], 1), 255, np.uint8)
    alpha[2, :60] = 0
    for stack, config in (
        (empty, LAPLACIAN.replace(empty=0)),
        (np.concatenate([colour, alpha], axis=3), LAPLACIAN),
    ):
        for row, column in ((20, 30), (59, 0)):
            missing = np.isnan(focus_curve(stack, row, column, config).focus)
            assert np.flatnonzero(missing).tolist() == [2]
        assert np.isfinite(focus_curve(stack, 100, 30, config).focus).all()


@pytest.mark.parametrize("name", ["laplacian", "variance", "learned"])
@pytest.mark.parametrize("shape", [(1, 5, 5), (4, 5, 5), (2, 1, 1), (5, 3, 40, 2)], ids=str)
def test_tiny_planes(name, shape):
    stack = np.random.default_rng(0).random(shape).astype(np.float32)
    curve = focus_curve(stack, shape[1] - 1, 0, FusionConfig(name))
    assert curve.focus.shape == shape[:1]
    assert curve.focus.dtype == np.float32
    assert np.isfinite(curve.focus).all()
    np.testing.assert_array_equal(curve.values, stack[:, -1, 0])


def test_values_are_copies_in_the_dtype_of_the_stack(colour):
    curve = focus_curve(colour, 3, 4, LAPLACIAN)
    assert curve.values.shape == (PLANES, 3)
    assert curve.values.dtype == colour.dtype
    assert curve.values.base is None


@pytest.mark.parametrize("place", [(150, 0), (0, 190), (-1, 0), (0, -1)], ids=str)
def test_pixels_outside_are_refused(colour, place):
    with pytest.raises(StackError, match=r"150 rows by 190 columns; accepted are rows 0 to 149"):
        focus_curve(colour, *place, LAPLACIAN)


def test_negative_margins_are_refused(colour):
    with pytest.raises(ConfigError, match=r"margin_px=-1; accepted is 0 or more"):
        focus_curve(colour, 0, 0, LAPLACIAN, margin_px=-1)


@pytest.mark.parametrize("name", ["laplacian", "learned"])
def test_invalid_values(deep, name):
    stack = deep.astype(np.float32)
    stack[1, 70, 80] = np.nan
    stack[3, 71, 80] = np.inf
    config = FusionConfig(name)
    with pytest.raises(StackError, match="plane 1 holds 1 NaN"):
        focus_curve(stack, 70, 80, config)
    curve = focus_curve(stack, 70, 80, config.replace(nan_policy="ignore"))
    np.testing.assert_array_equal(np.isnan(curve.focus), np.arange(PLANES) == 1)
    assert curve.sharpest == np.nanargmax(curve.focus)
    stack[:, 70, 80] = np.nan
    assert focus_curve(stack, 70, 80, config.replace(nan_policy="ignore")).sharpest is None


def own_threads():
    return [thread for thread in threading.enumerate() if "umis-fusion" in thread.name]


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_abandoned_curves_leave_no_thread(colour, steps):
    curve = iter_focus_curve(colour, 20, 30)
    for _ in range(steps):
        next(curve)
    assert bool(own_threads()) == (steps > 0)
    curve.close()
    assert own_threads() == []


def test_steps_return_the_curve(colour):
    curve = run_to_end(iter_focus_curve(colour, 20, 30, LAPLACIAN))
    np.testing.assert_array_equal(curve.focus, focus_curve(colour, 20, 30, LAPLACIAN).focus)
    assert (curve.row, curve.column) == (20, 30)
    assert own_threads() == []


@pytest.fixture
def box(colour):
    calibration = Calibration(0.5, 0.1, 0.2)
    stack = as_stack(colour, calibration=calibration)
    return CroppedStack(stack, slice(10, 60), slice(-40, None), slice(1, 6, 2))


def test_cropped_stack_is_a_box(colour, box):
    expected = colour[1:6:2, 10:60, -40:]
    assert box.shape == expected.shape
    assert (box.dtype, box.rgb, len(box)) == (colour.dtype, True, 3)
    assert box.calibration == Calibration(1.0, 0.1, 0.2)
    np.testing.assert_array_equal(list(box), expected)
    np.testing.assert_array_equal(
        box.region(2, slice(5, -3), slice(None, 900)), expected[2, 5:-3, :900]
    )


def test_cropped_stacks_nest(colour, box):
    inner = CroppedStack(box, slice(2, 9), slice(1, 4), range(2, -1, -1))
    np.testing.assert_array_equal(list(inner), colour[5:0:-2, 12:19, 151:154])


def test_cropped_stack_reads_rectangles_only(colour):
    watched = Watched(colour)
    box = CroppedStack(watched, slice(0, 8), slice(4, 20))
    assert box.plane(1).shape == (8, 16, 3)
    assert box.region(1, slice(2, 4), slice(3, 6)).shape == (2, 3, 3)
    assert (watched.whole, watched.largest) == ([], 8 * 16)


def test_cropped_stack_of_unknown_calibration(colour):
    box = CroppedStack(as_stack(colour), slice(None), slice(None), slice(None, None, 2))
    assert box.calibration == Calibration()
    assert box.shape == (3, *colour.shape[1:])


@pytest.mark.parametrize(
    ("rows", "planes", "text"),
    [
        (slice(5, 5), slice(None), "empty stack"),
        (slice(None), slice(9, 9), "empty stack"),
        (slice(0, 9, 2), slice(None), "rows .* accepted is a step of 1"),
        (slice(None), range(3, 7), "range.3, 7.; accepted are planes 0 to 5 of the stack"),
        (slice(None), range(-1, 3), "range.-1, 3.; accepted are planes 0 to 5 of the stack"),
    ],
    ids=str,
)
def test_impossible_boxes_are_refused(colour, rows, planes, text):
    with pytest.raises(StackError, match=text):
        CroppedStack(as_stack(colour), rows, slice(None), planes)


def test_planes_outside_a_box_are_refused(box):
    with pytest.raises(IndexError):
        box.plane(3)
