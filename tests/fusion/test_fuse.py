"""What `fuse` and `focus_map` promise about their results, whatever the stack."""

import json

import numpy as np
import pytest

from napari_umis_fusion import Calibration, FusionConfig, UmisFusionError, focus_map, fuse
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.focus_measure import CLASSICAL
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.synthetic import make_stack

CLASSIC = FusionConfig("laplacian", blend="select")


@pytest.fixture(scope="module")
def rendered():
    return make_stack("bumps", (96, 128), planes=6, channels=None)


@pytest.fixture(scope="module")
def result(rendered):
    calibration = Calibration(z_step_um=0.5)
    return fuse(rendered.stack, CLASSIC, calibration=calibration)


def share_changed(index_map, other):
    return np.mean(index_map != other)


def test_maps(rendered, result):
    shape = rendered.stack.shape[1:]
    assert result.all_in_focus.dtype == rendered.stack.dtype
    assert result.index_map.dtype == np.uint16
    for image in (result.sub_plane_map, result.confidence_map, result.focus_map):
        assert (image.shape, image.dtype) == (shape, np.float32)
    assert np.abs(result.sub_plane_map - result.index_map).max() <= 0.5
    assert 0 <= result.confidence_map.min() < 0.01 < 0.3 < result.confidence_map.max() <= 1
    planes = np.stack([focus_map(plane) for plane in rendered.stack])
    np.testing.assert_array_equal(result.focus_map, planes.max(axis=0))


def test_sub_plane_map_is_nearer_to_the_truth_than_the_index_map(rendered, result):
    certain = result.confidence_map > 0.05
    errors = [
        np.abs(found - rendered.sub_plane_map)[certain].mean()
        for found in (result.index_map, result.sub_plane_map)
    ]
    assert errors[1] < 0.92 * errors[0]


def test_depth_map(rendered, result):
    np.testing.assert_array_equal(result.depth_map(), result.sub_plane_map * np.float32(0.5))
    np.testing.assert_array_equal(result.depth_map(3), result.sub_plane_map * np.float32(3))
    with pytest.raises(ConfigError, match="does not tell: give z_step_um"):
        fuse(rendered.stack).depth_map()
    for step in (0, -1, float("nan")):
        with pytest.raises(ConfigError, match="accepted is a positive number"):
            result.depth_map(step)


def test_never_in_focus_marks_what_no_plane_shows(rendered):
    stack = rendered.stack.copy()
    stack[:, :, :48] = 90
    marked = fuse(stack).never_in_focus()
    assert marked[:, :28].all()
    assert not marked[:, 60:].any()


def test_never_in_focus_marks_nothing_without_a_gap(rendered, result):
    texture = np.random.default_rng(0).integers(0, 256, (2, 64, 64), np.uint8)
    for stack in (texture, np.zeros_like(texture)):
        assert not fuse(stack).never_in_focus().any()
    threshold = float(np.median(result.focus_map))
    np.testing.assert_array_equal(result.never_in_focus(threshold), result.focus_map < threshold)


def test_provenance_is_json_and_tells_how_to_do_it_again(rendered):
    config = FusionConfig(focus_measure="variance", threads=1)
    result = fuse(rendered.stack, config, blend="weighted")
    assert result.config == config.replace(blend="weighted")
    told = json.loads(json.dumps(result.provenance))
    assert FusionConfig(**told["config"]) == result.config
    assert told["stack"] == {"shape": [6, 96, 128], "dtype": "uint8", "files": []}
    assert told["version"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"focus": "laplacian"}, r"unknown option focus; accepted are focus_measure, .*memory_mb"),
        ({"focus_measure": "sharpness"}, "focus_measure='sharpness'; accepted are laplacian, "),
        (
            {"window_sigma_px": 0.1},
            r"window_sigma_px=0\.1; accepted is a number from 0\.5 to 32 px",
        ),
        ({"threads": 1.5}, r"threads=1\.5; accepted is a whole number from 0 to 256"),
        ({"verification_window_px": 4}, "accepted is an odd number"),
        ({"channel": -1}, "channels are counted from 0"),
        ({"median_filter": "no"}, "accepted are True and False"),
        (
            {"focus_measure": "variance", "checkpoint": "w.pth"},
            "only used by focus_measure='learned' and 'umis'",
        ),
    ],
)
def test_wrong_options(rendered, options, text):
    with pytest.raises(ConfigError, match=text):
        fuse(rendered.stack, **options)


@pytest.mark.parametrize(
    ("shape", "channel", "text"),
    [
        ((2, 8, 8), 1, "channel=1, but the stack has 1"),
        ((2, 8, 8, 3), 3, "channel=3, but the stack has 3; channels are counted from 0"),
        ((2, 8, 8, 2), "luminance", "needs red, green and blue, but the stack has 2 channels"),
    ],
)
def test_absent_channel(shape, channel, text):
    with pytest.raises(StackError, match=text):
        fuse(np.zeros(shape, np.uint8), channel=channel)


def test_channel_decides_for_all(rendered):
    blank = np.zeros_like(rendered.stack)
    stack = np.stack([blank, rendered.stack], axis=-1)
    config = CLASSIC.replace(verification="none")
    expected = fuse(rendered.stack, config).index_map
    for channel in (1, "max", "mean"):
        result = fuse(stack, config, channel=channel)
        np.testing.assert_array_equal(result.index_map, expected)
        copied = np.take_along_axis(stack, result.index_map[None, ..., None].astype(int), 0)[0]
        np.testing.assert_array_equal(result.all_in_focus, copied)
    assert share_changed(fuse(stack, config, channel=0).index_map, expected) > 0.5


@pytest.mark.parametrize(
    "change",
    [
        lambda stack: 200 * stack.astype(np.uint16) + 1000,
        lambda stack: stack.astype(np.float32) * np.float32(1e-3) - 5,
        lambda stack: -stack.astype(np.int16),
        lambda stack: stack.astype(np.float64) * 1e12,
    ],
    ids=["gain and offset", "small floats", "dark field", "large floats"],
)
def test_decisions_do_not_depend_on_the_unit(change):
    hazy = make_stack("bars", (96, 128), planes=6, channels=None, haze=0.15).stack
    assert share_changed(fuse(change(hazy)).index_map, fuse(hazy).index_map) < 0.005


def test_order_of_planes_hardly_matters(rendered, result):
    mirrored = fuse(rendered.stack[::-1], CLASSIC)
    truth, span = rendered.all_in_focus, rendered.data_range
    forth, back = (psnr(r.all_in_focus, truth, data_range=span) for r in (result, mirrored))
    assert abs(forth - back) < 1
    assert share_changed(len(rendered.stack) - 1 - mirrored.index_map, result.index_map) < 0.1


@pytest.mark.parametrize("measure", sorted(CLASSICAL))
def test_focus_map_is_greater_where_the_plane_is_sharper(rendered, measure):
    sharp = focus_map(rendered.all_in_focus.astype(np.uint8), focus_measure=measure)
    blurred = focus_map(rendered.stack[0], focus_measure=measure)
    far = rendered.sub_plane_map > 2
    assert (sharp.shape, sharp.dtype) == ((96, 128), np.float32)
    assert (blurred >= 0).all()
    assert np.median(sharp[far] / blurred[far]) > 1.2


def test_focus_map_takes_colour_and_refuses_what_is_no_plane(rendered):
    plane = rendered.stack[0]
    grey = focus_map(plane)
    np.testing.assert_allclose(focus_map(np.stack([plane] * 3, -1)), grey, rtol=1e-3, atol=1e-3)
    for wrong in (plane[0], np.zeros((2, 2, 2, 2)), np.full((4, 4), np.nan)):
        with pytest.raises(UmisFusionError, match=r"axes|NaN"):
            focus_map(wrong)
