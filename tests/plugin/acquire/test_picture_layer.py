import numpy as np
import pytest
from napari.components import ViewerModel

from napari_umis_fusion.plugin.acquire._picture_layer import PictureLayer


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def picture(viewer):
    return PictureLayer(viewer, "camera")


def ramp(shape=(6, 8), dtype=np.uint16):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


def test_pixels_are_renewed_in_place(viewer, picture):
    layer = picture.show(ramp(), 0.5)
    data = layer.data
    picture.show(ramp() + 1, 0.5)
    assert viewer.layers == [layer]
    assert layer.data is data
    np.testing.assert_array_equal(data, ramp() + 1)
    assert tuple(layer.scale) == (0.5, 0.5)
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 2


@pytest.mark.parametrize("image", [ramp((3, 3)), ramp().astype(np.float32), ramp((6, 8, 3))])
def test_another_shape_dtype_or_colour(viewer, picture, image):
    picture.show(ramp(), None)
    picture.show(image, None)
    (layer,) = viewer.layers
    np.testing.assert_array_equal(layer.data, image)
    assert layer.rgb == (image.ndim == 3)


def test_the_picture_is_a_copy(picture):
    image = ramp()
    layer = picture.show(image, None)
    image[:] = 0
    assert layer.data.max() == 47


def test_a_deleted_layer_stays_away_until_it_is_wanted(viewer, picture):
    picture.show(ramp(), None)
    viewer.layers.clear()
    assert picture.show(ramp(), None) is None
    assert picture.was_deleted
    assert not viewer.layers
    picture.renew()
    assert picture.show(ramp(), None) in viewer.layers


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint16), np.full((4, 4), np.nan)])
def test_a_flat_picture_can_be_shown(picture, image):
    assert picture.show(image, None) is not None
