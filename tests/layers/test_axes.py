"""Which axis of a layer is which."""

import re

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import LayerAxes, choose_layer_axes, likely_z


def image_of(labels, ndim=None, rgb=False):
    """Return an image whose axes are 2, 3, 4... long; labels one letter each or a tuple."""
    ndim = len(labels) if ndim is None else ndim
    shape = tuple(range(2, ndim + 2))
    data = np.zeros((*shape, 3) if rgb else shape, np.uint8)
    given = {} if labels is None else {"axis_labels": tuple(labels)}
    return layer_image((data, {"name": "cells", "rgb": rgb, **given}))


@pytest.mark.parametrize(
    ("labels", "z", "y", "x", "channel", "loops"),
    [
        ("zyx", 0, 1, 2, None, ()),
        ("xyz", 2, 1, 0, None, ()),
        ("yxz", 2, 0, 1, None, ()),
        ("ZYX", 0, 1, 2, None, ()),
        ("tzyx", 1, 2, 3, None, (0,)),
        ("ztyx", 0, 2, 3, None, (1,)),
        ("zcyx", 0, 2, 3, 1, ()),
        ("zyxc", 0, 1, 2, 3, ()),
        ("TCZYX", 2, 3, 4, 1, (0,)),
        ("ptzcyx", 2, 4, 5, 3, (0, 1)),
        (("time", "Depth", "y", "x"), 1, 2, 3, None, (0,)),
        (("Channel", "plane", "row", "column"), 1, 2, 3, 0, ()),
        (("z", "row", "column", "c"), 0, 1, 2, 3, ()),
        (("row", "z", "column"), 1, 0, 2, None, ()),
        (("t", "focus", "-2", "-1"), 1, 2, 3, None, (0,)),
        (("-3", "y", "x"), 0, 1, 2, None, ()),
        (("column", "row", "Slices"), 2, 1, 0, None, ()),
        (("frames", "Channels", "z-stack", "y", "x"), 2, 3, 4, 1, (0,)),
    ],
)
def test_axes_are_found_by_name(labels, z, y, x, channel, loops):
    axes = choose_layer_axes(image_of(labels))
    assert axes == LayerAxes(z, y, x, channel, loops)
    assert axes.outer == tuple(axis for axis in range(len(labels)) if axis not in (z, y, x))


@pytest.mark.parametrize("labels", [None, ("-3", "-2", "-1"), ("axis 0", "axis 1", "axis 2")])
@pytest.mark.parametrize("rgb", [False, True])
def test_first_of_three_unnamed_axes_is_z(labels, rgb):
    assert choose_layer_axes(image_of(labels, 3, rgb)) == LayerAxes(0, 1, 2, None, ())


@pytest.mark.parametrize(
    ("labels", "ndim", "text"),
    [
        (None, 4, "axis 0 (2), axis 1 (3), axis 2 (4), axis 3 (5); none is named z"),
        (None, 4, "It is likely 'axis 1': z_axis=1"),
        (None, 5, "It is likely 'axis 2': z_axis=2"),
        (("a", "b", "y", "x"), 4, "It is likely 'b': z_axis=1"),
        (("y", "x", "focal"), 3, "It is likely 'focal': z_axis=2"),
        (("t", "c", "-2", "-1"), 4, "Name the axis along which the focus changes (z_axis)."),
    ],
)
def test_z_is_not_guessed(labels, ndim, text):
    with pytest.raises(StackError, match=re.escape(text)):
        choose_layer_axes(image_of(labels, ndim))


@pytest.mark.parametrize(
    "labels", ["tyx", "cyx", "TYX", "pyx", ("frame", "y", "x"), ("views", "y", "x")]
)
def test_time_channels_and_positions_are_never_taken_for_z(labels):
    image = image_of(labels)
    with pytest.raises(StackError, match=r"'cells' has the axes .*none is named z.*z_axis\)\.$"):
        choose_layer_axes(image)
    assert likely_z(image) == (None, False)
    assert choose_layer_axes(image, z_axis=0) == LayerAxes(0, 1, 2, None, ())


def test_one_plane_is_refused():
    with pytest.raises(StackError, match=r"y \(2\), x \(3\): one plane.*at least three"):
        choose_layer_axes(image_of("yx"))


@pytest.mark.parametrize(
    ("labels", "z_axis", "expected"),
    [
        ("tzyx", "t", LayerAxes(0, 2, 3, None, (1,))),
        ("tzyx", "time", LayerAxes(0, 2, 3, None, (1,))),
        ("tzyx", "T", LayerAxes(0, 2, 3, None, (1,))),
        ("TZYX", "z", LayerAxes(1, 2, 3, None, (0,))),
        ("tzyx", 0, LayerAxes(0, 2, 3, None, (1,))),
        ("tzyx", -4, LayerAxes(0, 2, 3, None, (1,))),
        ("czyx", "c", LayerAxes(0, 2, 3, None, (1,))),
        ("zyx", "y", LayerAxes(1, 0, 2, None, ())),
        (None, -1, LayerAxes(3, 1, 2, None, (0,))),
        (None, 1, LayerAxes(1, 2, 3, None, (0,))),
    ],
)
def test_z_is_named(labels, z_axis, expected):
    assert choose_layer_axes(image_of(labels, 4 if labels is None else None), z_axis) == expected


@pytest.mark.parametrize(
    ("labels", "channel_axis", "expected"),
    [
        ("tzyx", "t", LayerAxes(1, 2, 3, 0, ())),
        ("tczyx", 0, LayerAxes(2, 3, 4, 0, (1,))),
        (("w", "z", "y", "x"), -4, LayerAxes(1, 2, 3, 0, ())),
        (("z", "row", "column", "w"), -1, LayerAxes(0, 1, 2, 3, ())),
    ],
)
def test_channels_are_named(labels, channel_axis, expected):
    assert choose_layer_axes(image_of(labels), channel_axis=channel_axis) == expected


def test_channels_last_without_names():
    assert choose_layer_axes(image_of(None, 4), 0, -1) == LayerAxes(0, 1, 2, 3, ())


@pytest.mark.parametrize("name", ["z_axis", "channel_axis"])
@pytest.mark.parametrize("axis", ["w", "", 3, -4, True, 1.0])
def test_axis_that_is_not_there(name, axis):
    text = re.escape(f"{name}={axis!r}; the axes are z (2), y (3), x (4).")
    with pytest.raises(ConfigError, match=f"{text} Give the name of one, or its index from 0 to 2"):
        choose_layer_axes(image_of("zyx"), **{name: axis})


@pytest.mark.parametrize(
    ("z_axis", "channel_axis"), [("z", "z"), (0, 0), (None, "z"), (None, "y"), (0, -1)]
)
def test_one_axis_twice(z_axis, channel_axis):
    with pytest.raises(ConfigError, match=f"channel_axis={channel_axis!r}: the same axis twice"):
        choose_layer_axes(image_of("zyx"), z_axis, channel_axis)


@pytest.mark.parametrize(
    ("labels", "ndim", "expected"),
    [
        ("tzyx", 4, (1, True)),
        (None, 3, (0, True)),
        (None, 4, (1, False)),
        (("w", "y", "x"), 3, (0, False)),
        (("x", "y", "w"), 3, (2, False)),
        ("tyx", 3, (None, False)),
        (None, 2, (None, False)),
    ],
)
def test_likely_z(labels, ndim, expected):
    assert likely_z(image_of(labels, ndim)) == expected


@pytest.mark.parametrize(
    ("shape", "labels", "likely"),
    [
        ((2, 12, 64, 64), None, 1),
        ((12, 2, 64, 64), None, 0),
        ((12, 12, 64, 64), None, 1),
        ((3, 40, 2, 64, 64), None, 1),
        ((9, 30, 64, 64), ("a stain", "time", "y", "x"), 0),
    ],
)
def test_of_several_axes_without_names_the_longest_is_likely(shape, labels, likely):
    given = {} if labels is None else {"axis_labels": labels}
    assert likely_z(layer_image((np.zeros(shape, np.uint8), given))) == (likely, False)
