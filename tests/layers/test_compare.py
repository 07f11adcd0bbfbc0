"""Ways to fuse a layer, with their images where the layer is."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.compare import candidates_of
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import CandidateLayers, LayerPlan, iter_compare_layer

WAY = FusionConfig("laplacian", verification="none")
PLACE = {"scale": (2, 0.5, 0.25), "translate": (1, 10, 20), "axis_labels": ("z", "y", "x")}


@pytest.fixture(scope="module")
def planes():
    return np.random.default_rng(0).integers(0, 255, (4, 40, 50), np.uint8)


def compared(data, place, plan, ways=(WAY,)):
    """Return the layers of each way, and the comparison."""
    images = [layer_image((one, place)) for one in data]
    steps = iter_compare_layer(images, candidates_of(ways), plan)
    ended = [event for event in steps if isinstance(event, CandidateLayers)]
    return [event.layers for event in ended], ended[-1].comparison


def test_a_region_is_placed_where_it_is(planes):
    plan = LayerPlan(rows=(10, 30), columns=(8, 48), planes=(1, 3))
    ([(image, attributes, kind)],), found = compared([planes], PLACE, plan)
    np.testing.assert_array_equal(image, fuse(planes[1:4, 10:30, 8:48], WAY).all_in_focus)
    assert kind == "image"
    assert list(attributes["translate"]) == [10 + 0.5 * 10, 20 + 0.25 * 8]
    assert list(attributes["scale"]) == [0.5, 0.25]
    assert (found.shape, found.region) == ((3, 20, 40), ((10, 30), (8, 48)))


def test_what_aligned_planes_share_is_placed_where_it_is(planes):
    moved = np.stack([np.roll(planes[0], 2 * (z % 2), axis=0) for z in range(4)])
    way = WAY.replace(align="translation")
    ([(image, attributes, _)],), _ = compared([moved], PLACE, LayerPlan(), [way])
    alone = fuse(moved, way)
    np.testing.assert_array_equal(image, alone.all_in_focus)
    top, left = (side.start for side in alone.window)
    assert list(attributes["translate"]) == [10 + 0.5 * top, 20 + 0.25 * left]


def test_of_several_time_points_the_given_one_is_fused(planes):
    series = np.stack([planes, planes[::-1, ::-1]])
    place = {"axis_labels": ("t", "z", "y", "x")}
    for plan, fused in ((LayerPlan(index={0: 1}), series[1]), (LayerPlan(), series[0])):
        ([(image, _, _)],), _ = compared([series], place, plan)
        np.testing.assert_array_equal(image, fuse(fused, WAY).all_in_focus)


def test_channels_are_fused_together_in_one_layer_or_several(planes):
    stacked = np.stack([planes, planes[::-1]])
    plan = LayerPlan(z_axis=1, channel_axis=0)
    ([(image, _, _)],), _ = compared([stacked], {"axis_labels": ("c", "z", "y", "x")}, plan)
    expected = fuse(np.moveaxis(stacked, 0, -1), WAY).all_in_focus
    np.testing.assert_array_equal(np.moveaxis(image, 0, -1), expected)
    (made,), _ = compared(list(stacked), PLACE, LayerPlan())
    np.testing.assert_array_equal(np.stack([image for image, _, _ in made], -1), expected)


def test_a_channel_number_is_ignored_where_there_is_one_and_failures_have_no_layers(planes):
    ways = [WAY.replace(channel=3), WAY.replace(nowhere="plane", nowhere_plane=99)]
    made, found = compared([planes], PLACE, LayerPlan(), ways)
    assert [len(layers) for layers in made] == [1, 0]
    assert "99" in found.rows[1].reason


def test_a_part_beyond_the_layer_is_refused(planes):
    with pytest.raises(StackError, match="planes of 40 x 50 px"):
        compared([planes], PLACE, LayerPlan(rows=(0, 99)))
