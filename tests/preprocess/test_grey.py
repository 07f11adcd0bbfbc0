from itertools import product

import numpy as np
import pytest
from PIL import Image

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.preprocess import GreyConverter, GreyRange, comparable, reference_unit_grey
from napari_umis_fusion.preprocess import _grey as module
from napari_umis_fusion.preprocess._grey import itu601_grey
from napari_umis_fusion.stack import ACCEPTED_DTYPES, Stack

SHAPES = [(1, 1), (1, 5), (3, 2), (17, 23)]


KERNEL_MODULES = (module,)


def filled(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "f":
        return rng.normal(5, 20, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


class Channels(Stack):
    """A stack that says whether its last axis is colour."""

    def __init__(self, data, rgb):
        self._data, self.rgb = data, rgb
        self.shape, self.dtype = data.shape, data.dtype

    def plane(self, z):
        return self._data[z]


WEIGHED = {
    "red": lambda plane: plane[..., 0],
    "green": lambda plane: plane[..., 1],
    "mean": lambda plane: plane.mean(-1),
    "max": lambda plane: plane.max(-1),
    "luminance": lambda plane: plane[..., :3] @ [0.299, 0.587, 0.114],
}


@pytest.mark.parametrize(
    ("channel", "channels", "rgb", "rule"),
    [
        ("auto", 3, True, "luminance"),
        ("auto", 4, True, "luminance"),
        ("auto", 3, False, "mean"),
        ("auto", 2, False, "mean"),
        ("auto", 1, False, "red"),
        ("luminance", 3, False, "luminance"),
        ("luminance", 4, False, "luminance"),
        ("luminance", 1, False, "red"),
        ("mean", 3, True, "mean"),
        ("mean", 5, False, "mean"),
        ("mean", 1, False, "red"),
        ("max", 3, True, "max"),
        ("max", 16, False, "max"),
        ("max", 1, False, "red"),
        (0, 2, False, "red"),
        (1, 2, False, "green"),
        (1, 3, True, "green"),
    ],
)
def test_rule(channel, channels, rgb, rule, jit):
    """8-bit values count as they are, so that grey is the rule's value."""
    data = filled((2, 6, 7, channels), np.uint8)
    grey = GreyConverter(Channels(data, rgb), channel)(data[1])
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, WEIGHED[rule](data[1].astype(np.float64)), rtol=1e-6)


@pytest.mark.parametrize("channel", ["auto", "luminance", "mean", "max"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_opacity_is_no_light(channel, dtype):
    """It is the highest of all values nearly everywhere, and the same in all planes."""
    data = filled((2, 6, 7, 4), dtype)
    data[..., 3] = data.max()
    seen, colours = Channels(data, True), Channels(data[..., :3], True)
    seen.has_opacity = True
    expected = GreyConverter(colours, channel)
    converter = GreyConverter(seen, channel)
    np.testing.assert_allclose(converter.range.black, expected.range.black)
    np.testing.assert_allclose(converter(data[1]), expected(data[1, ..., :3]), rtol=1e-5)


@pytest.mark.parametrize("channel", ["auto", "luminance", "mean", "max", 0])
def test_stack_without_channels_takes_any_rule(channel):
    data = filled((2, 6, 7), np.uint8)
    np.testing.assert_array_equal(GreyConverter(as_stack(data), channel)(data[0]), data[0])


@pytest.mark.parametrize(
    ("channel", "shape", "message"),
    [
        (2, (3, 4, 5, 2), r"^channel=2, but the stack has 2; accepted are 0 to 1: channels are "),
        (1, (3, 4, 5), r"^channel=1, but the stack has 1; "),
        (
            "luminance",
            (3, 4, 5, 2),
            r"^channel='luminance' needs red, green and blue, but the stack has 2 channels; "
            r"use 'mean', 'max' or a channel number\.$",
        ),
        ("luminance", (3, 4, 5, 5), "the stack has 5 channels"),
    ],
)
def test_rule_that_the_stack_cannot_follow(channel, shape, message):
    with pytest.raises(StackError, match=message):
        GreyConverter(as_stack(np.zeros(shape, np.uint8)), channel)


@pytest.mark.parametrize("dtype", ACCEPTED_DTYPES)
def test_every_dtype_equals_its_twin(dtype):
    for order, channels, channel in product("<>", (0, 3), ("max", "mean", 1)):
        check_twin(dtype, order, channels, channel if channels or channel != 1 else 0)


def check_twin(dtype, order, channels, channel):
    shape = (3, 19, 21, channels) if channels else (3, 19, 21)
    data = filled(shape, dtype)
    stack = as_stack(data.astype(data.dtype.newbyteorder(order)))
    values = data.astype(np.float64)
    if channels:
        values = {"max": values.max(-1), "mean": values.mean(-1), 1: values[..., 1]}[channel]
    low, high = np.percentile(values[1], (0.1, 99.9)) if dtype != "uint8" else (0, 255)
    converter = GreyConverter(stack, channel)
    np.testing.assert_allclose(
        converter(stack.plane(2)),
        (values[2] - low) * (255 / (high - low)),
        rtol=1e-5,
        atol=1e-4,
        err_msg=f"order {order}, {channels} channels, {channel}",
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("channels", [(), (2,)])
def test_shapes_and_parts_of_planes(shape, channels, jit):
    """A part of a plane becomes the same part of its grey image."""
    data = filled((1, *shape, *channels), np.float32)
    converter = GreyConverter(as_stack(data), "auto")
    grey = converter(data[0])
    assert grey.shape == shape
    part = (slice(shape[0] // 2, None), slice(shape[1] // 2, None))
    np.testing.assert_array_equal(converter(data[0][part]), grey[part])


@pytest.mark.parametrize(
    ("gain", "offset", "dtype"),
    [
        (3, 20_000, np.uint16),
        (-3, 5_000, np.int16),
        (1, 2**32 - 5_000, np.uint32),
        (2.5e-7, -1e-3, np.float32),
        (1e5, 1e12, np.float64),
    ],
)
def test_gain_and_offset_do_not_matter(gain, offset, dtype):
    """Whatever the unit of the camera, the stack spans 0 to 255; upside down it is negative."""
    counts = np.random.default_rng(0).integers(100, 1100, (3, 60, 50))
    plain = counts.astype(np.float64)
    other = (counts * gain + offset).astype(dtype)
    grey, again = (GreyConverter(as_stack(each), "auto")(each[0]) for each in (plain, other))
    np.testing.assert_allclose(again if gain > 0 else 255 - again, grey, atol=0.02)
    assert grey.min() == pytest.approx(0, abs=1)
    assert grey.max() == pytest.approx(255, abs=1)


@pytest.mark.parametrize(
    ("gain", "dtype"), [(1e-25, "float32"), (1e25, "float32"), (1e300, "float64")]
)
def test_values_that_single_precision_does_not_hold_are_refused(gain, dtype):
    planes = (np.arange(48.0).reshape(3, 4, 4) * gain).astype(dtype)
    with pytest.raises(StackError, match=r"accepted are floats that differ by 1e-18 to 1e\+18"):
        GreyConverter(as_stack(planes), "auto")


def test_8_bit_counts_as_it_is():
    dim = np.full((2, 5, 5), 3, np.uint8)
    assert GreyConverter(as_stack(dim), "auto").range == GreyRange(0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([5.0, 5.0], GreyRange(5.0, 1.0), id="constant"),
        pytest.param([np.nan, np.inf], GreyRange(0.0, 1.0), id="nothing finite"),
        pytest.param([np.nan, 0.0], GreyRange(0.0, 1.0), id="one value"),
        pytest.param([True, False], GreyRange(0.001, 255 / 0.998), id="bool"),
    ],
)
def test_range_of_odd_stacks(values, expected):
    made = GreyConverter(as_stack(np.array([[values]])), "auto").range
    assert (made.black, made.scale) == pytest.approx((expected.black, expected.scale))


def test_range_of_a_plane_with_few_bright_pixels():
    """Where percentiles see the background only, the few pixels make the range."""
    data = np.zeros((1, 100, 100), np.uint16)
    data[0, 3, 4] = 5100
    assert GreyConverter(as_stack(data), "auto").range == GreyRange(0.0, 0.05)


@pytest.mark.parametrize("hot", [np.nan, np.inf, 1e30])
def test_hot_pixel_does_not_matter(hot):
    data = filled((1, 200, 210), np.float32)
    plain = GreyConverter(as_stack(data), "auto").range
    data[0, 20, 30] = hot
    spoilt = GreyConverter(as_stack(data), "auto").range
    assert (spoilt.black, spoilt.scale) == pytest.approx((plain.black, plain.scale), rel=1e-2)


@pytest.mark.parametrize(("dtype", "made", "spanned"), [(np.uint8, [], [2]), (np.uint16, [2], [2])])
def test_only_the_middle_plane_is_looked_at_and_once(dtype, made, spanned):
    seen = []

    class Watched(Channels):
        def plane(self, z):
            seen.append(z)
            return super().plane(z)

    converter = GreyConverter(Watched(filled((5, 4, 4), dtype), False), "auto")
    assert seen == made
    assert converter.span() == converter.span() > 0
    assert seen == spanned


@pytest.mark.parametrize("other", [0, 7.0, np.nan])
def test_of_two_middle_planes_both_tell_the_range_unless_one_spans_nothing(other):
    data = filled((4, 40, 50), np.float32)
    data[2] = 2 * data[1] + 9
    forwards, backwards = (GreyConverter(as_stack(d), "auto").range for d in (data, data[::-1]))
    assert forwards == backwards
    assert forwards.scale == pytest.approx(
        GreyConverter(as_stack(data[1:2]), "auto").range.scale / 1.5
    )
    data[2] = other
    found, expected = (GreyConverter(as_stack(d), "auto").range for d in (data, data[:3]))
    assert found == expected


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("dtype", ACCEPTED_DTYPES)
def test_span_is_what_most_of_the_middle_plane_spans(dtype, channels):
    """255 grey levels, but of 8-bit planes, which count as they are."""
    data = filled((3, 40, 50, *channels), dtype)
    if dtype == "uint8":
        data = data // 4 + 9
    values = data[1].astype(np.float64)
    low, high = np.percentile(values.mean(-1) if channels else values, (0.1, 99.9))
    expected = high - low if dtype == "uint8" else 255
    assert GreyConverter(as_stack(data), "mean").span() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_flat_plane_spans_nothing(dtype):
    assert GreyConverter(as_stack(np.full((3, 5, 6), 7, dtype)), "auto").span() == 0


def test_span_of_a_plane_without_finite_values():
    assert GreyConverter(as_stack(np.full((3, 5, 6), np.nan)), "auto").span() == 0


def test_large_plane_is_sampled():
    """Of more than a quarter of a million pixels, evenly spread ones are enough."""
    y, x = np.mgrid[:1500, :1400]
    data = ((y + x) / 10).astype(np.float32)[None]
    whole = np.percentile(data, (0.1, 99.9))
    made = GreyConverter(as_stack(data), "auto").range
    assert made.black == pytest.approx(whole[0], abs=1)
    assert made.scale == pytest.approx(255 / (whole[1] - whole[0]), rel=1e-2)


@pytest.mark.parametrize("dtype", ACCEPTED_DTYPES)
def test_differences_between_planes_survive(dtype):
    """Also where 32-bit floats alone would round them away, and with a kernel's dtype."""
    dtype = np.dtype(dtype)
    far = {"uint32": 4e9, "int32": -2e9, "float64": 1e12}.get(dtype.name, 0)
    values = np.array([[0, 1]]) if dtype.kind == "b" else far + np.array([[3, 5, 100]])
    seen = comparable(values.astype(dtype), far)
    assert seen.dtype in (np.uint8, np.int8, np.uint16, np.int16, np.float32)
    np.testing.assert_array_equal(np.diff(seen.astype(float)), np.diff(values.astype(float)))


def colours():
    """Every fifth value of each channel, the corners among them, and others at random."""
    regular = np.array(list(product(range(0, 256, 5), repeat=3)), np.uint8)
    return np.concatenate([regular, filled((200_000, 3), np.uint8)])[None]


@pytest.mark.parametrize("channels", [3, 4])
def test_reference_grey_equals_pillow(channels):
    rgb = colours()
    expected = np.asarray(Image.fromarray(rgb).convert("L"))
    opacity = filled((*rgb.shape[:2], channels - 3), np.uint8)
    grey = itu601_grey(np.concatenate([rgb, opacity], axis=-1))
    assert grey.dtype == np.uint8
    np.testing.assert_array_equal(grey, expected)


def test_reference_grey_of_grey_is_itself():
    plane = filled((5, 6), np.uint8)
    np.testing.assert_array_equal(itu601_grey(plane), plane)


@pytest.mark.parametrize(
    ("shape", "dtype", "channel", "has_rule"),
    [
        ((4, 5), "uint8", "auto", True),
        ((4, 5), "uint8", "luminance", True),
        ((4, 5, 3), "uint8", "auto", True),
        ((4, 5, 4), "uint8", "luminance", True),
        ((4, 5, 3), "uint8", "mean", False),
        ((4, 5, 3), "uint8", 1, False),
        ((4, 5, 2), "uint8", "auto", False),
        ((4, 5), "uint16", "auto", False),
        ((4, 5), "bool", "auto", False),
    ],
)
def test_where_the_reference_has_a_rule(shape, dtype, channel, has_rule):
    plane = filled(shape, dtype)
    unit = reference_unit_grey(plane, channel)
    if not has_rule:
        assert unit is None
        return
    assert unit.dtype == np.float32
    np.testing.assert_array_equal(unit, itu601_grey(plane) / np.float32(255))


@pytest.mark.parametrize(("dtype", "narrows"), [(np.uint8, False), (np.uint16, True)])
def test_the_range_is_known_without_what_is_added_to_planes(dtype, narrows):
    ramp = np.tile(np.linspace(0, 100, 50), (3, 40, 1))
    added = np.tile(np.linspace(0, 100, 50, dtype=np.float32), (40, 1))
    stack = as_stack((ramp + added).astype(dtype))
    converter = GreyConverter(stack, "auto")
    found = converter.range_without(stack, lambda z, window: added[window])
    assert found.scale == pytest.approx(converter.range.scale * (2 if narrows else 1), rel=0.03)
    blank = converter.range_without(stack, lambda z, window: stack.plane(z)[window])
    assert blank == converter.range
