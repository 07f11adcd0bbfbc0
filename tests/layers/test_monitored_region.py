"""A region that is fused again and again, and the layers that lie over it."""

import numpy as np
import pytest

from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import LayerPlan, MonitoredRegion


def region(shape, labels, rgb=False, **options):
    data = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    axes = len(shape) - rgb
    attributes = {
        "name": "a", "rgb": rgb, "axis_labels": labels,
        "scale": [2.0] * axes, "translate": [10.0] * axes,
    }  # fmt: skip
    plan = LayerPlan(rows=(2, 8), columns=(3, 12), **options)
    return data, MonitoredRegion(layer_image((data, attributes)), plan)


def test_it_is_the_stack_of_the_region():
    data, watched = region((4, 10, 20), ("z", "y", "x"))
    assert watched.stack.shape == (4, 6, 9)
    np.testing.assert_array_equal(watched.stack.plane(1), data[1, 2:8, 3:12])


@pytest.mark.parametrize(
    ("shape", "labels", "rgb", "options", "made"),
    [
        ((4, 10, 20), ("z", "y", "x"), False, {}, (6, 9)),
        ((4, 10, 20, 3), ("z", "y", "x"), True, {}, (6, 9, 3)),
        ((5, 4, 10, 20), ("t", "z", "y", "x"), False, {"index": {0: 3}}, (6, 9)),
        ((2, 4, 10, 20), ("c", "z", "y", "x"), False, {}, (2, 6, 9)),
    ],
    ids=["grey", "colour", "time", "channels"],
)
def test_pictures_lie_where_the_region_lies(shape, labels, rgb, options, made):
    _, watched = region(shape, labels, rgb, **options)
    image = watched.stack.plane(2)
    data, attributes, kind = watched.layer_data(image, "now")
    assert (data.shape, data.dtype, kind) == (made, np.uint16, "image")
    expected = np.moveaxis(image, -1, 0) if labels[0] == "c" else image
    np.testing.assert_array_equal(data, expected)
    assert attributes["name"] == "now"
    np.testing.assert_allclose(attributes["scale"][-2:], (2, 2))
    np.testing.assert_allclose(attributes["translate"][-2:], (10 + 2 * 2, 10 + 2 * 3))
    assert attributes["axis_labels"][-2:] == ("y", "x")
