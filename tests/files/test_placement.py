"""Where the part of a layer lies, by napari's own reckoning."""

import numpy as np
import pytest
from napari.layers import Image

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.files._placement import Placement

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

RNG = np.random.default_rng(5)


def turned(ndim, first, second):
    """Return a rotation by 0.4 between two axes."""
    matrix = np.eye(ndim)
    cos, sin = np.cos(0.4), np.sin(0.4)
    matrix[[first, second], [first, second]] = cos
    matrix[first, second], matrix[second, first] = -sin, sin
    return matrix


def scaled(ndim):
    return {"scale": RNG.uniform(0.5, 3, ndim), "translate": RNG.normal(size=ndim)}


def any_affine(ndim):
    affine = np.eye(ndim + 1)
    affine[:-1] = RNG.normal(size=(ndim, ndim + 1))
    return affine


def any_rotation(ndim):
    return np.linalg.qr(RNG.normal(size=(ndim, ndim)))[0]


def plane_affine(ndim):
    affine = np.eye(ndim + 1)
    affine[-3:-1, -3:] = RNG.normal(size=(2, 3))
    return affine


APART = {  # z has no part in where y and x lie
    "nothing": lambda ndim: {},
    "scale, translate": scaled,
    "flipped": lambda ndim: {**scaled(ndim), "scale": RNG.uniform(-3, -0.5, ndim)},
    "rotation in the plane": lambda ndim: {
        **scaled(ndim),
        "rotate": turned(ndim, ndim - 2, ndim - 1),
    },
    "shear in the plane": lambda ndim: {
        **scaled(ndim),
        "shear": [*[0] * (ndim * (ndim - 1) // 2 - 1), 0.7],
    },
    "affine in the plane": lambda ndim: {**scaled(ndim), "affine": plane_affine(ndim)},
}
MIXED = {
    "rotation of z and x": lambda ndim: {
        **scaled(ndim),
        "rotate": turned(ndim, ndim - 3, ndim - 1),
    },
    "any rotation": lambda ndim: {**scaled(ndim), "rotate": any_rotation(ndim)},
    "any shear": lambda ndim: {
        **scaled(ndim),
        "shear": RNG.normal(size=ndim * (ndim - 1) // 2),
    },
    "any affine": lambda ndim: {**scaled(ndim), "affine": any_affine(ndim)},
    "all": lambda ndim: {
        **scaled(ndim),
        "rotate": any_rotation(ndim),
        "shear": RNG.normal(size=ndim * (ndim - 1) // 2),
        "affine": any_affine(ndim),
    },
}
PARTS = [(3, (1, 2)), (3, (0, 1, 2)), (4, (0, 2, 3)), (4, (2, 3)), (5, (0, 1, 3, 4))]


def make_layer(ndim, attributes):
    return Image(np.zeros((2,) * ndim, np.uint8), **attributes)


def world(layer, place):
    return np.array(layer.data_to_world(place))


def place_in_source(part, keep, offset):
    place = np.array(offset, np.float64)
    place[list(keep)] += part
    return place


@pytest.mark.parametrize(("ndim", "keep"), PARTS)
@pytest.mark.parametrize("kind", [*APART, *MIXED])
def test_part_lies_where_it_was_taken_from(kind, ndim, keep):
    source = make_layer(ndim, {**APART, **MIXED}[kind](ndim))
    offset = [axis + 2 if axis in keep else 1.5 for axis in range(ndim)]
    placement = layer_image(source).placement.part(keep, offset, np.ones(ndim))
    made = make_layer(len(keep), placement.attributes())
    for pixel in RNG.uniform(-2, 9, (4, len(keep))):
        wanted = world(source, place_in_source(pixel, keep, offset))[list(keep)]
        np.testing.assert_allclose(world(made, pixel), wanted, atol=1e-9)


@pytest.mark.parametrize("kind", APART)
def test_what_does_not_mix_lies_right_in_every_plane_and_keeps_its_attributes(kind):
    source = make_layer(3, APART[kind](3))
    placement = layer_image(source).placement
    part = placement.part((1, 2), (2, 4, 5), np.ones(3))
    made = make_layer(2, part.attributes())
    for z in (0, 2, 7.5):
        wanted = world(source, (z, 4 + 3, 5 + 1))[1:]
        np.testing.assert_allclose(world(made, (3, 1)), wanted, atol=1e-9)
    np.testing.assert_allclose(part.scale, placement.scale[1:])
    np.testing.assert_allclose(part.rotate, placement.rotate[1:, 1:])
    np.testing.assert_allclose(part.shear, placement.shear[1:, 1:])
    np.testing.assert_allclose(part.affine, placement.affine[1:, 1:])


@pytest.mark.parametrize("keep", [(1, 2), (0, 1)])
def test_rotation_that_mixes_becomes_an_affine(keep):
    placement = Placement.of(3, scale=(3, 1, 2), rotate=turned(3, 0, 2))
    part = placement.part(keep, (2, 0, 0), np.ones(3))
    np.testing.assert_array_equal(part.scale, placement.scale[list(keep)])
    np.testing.assert_array_equal(part.rotate, np.eye(2))
    assert not np.allclose(part.affine, np.eye(3))


@pytest.mark.parametrize("kind", [*APART, *MIXED])
def test_thick_entry_covers_all_that_it_stands_for(kind):
    source = make_layer(3, {**APART, **MIXED}[kind](3))
    first, count = 2, 5
    offset, extent = (first + (count - 1) / 2, 1, 3), (count, 1, 1)
    placement = layer_image(source).placement.part((0, 1, 2), offset, extent)
    made = make_layer(3, placement.attributes())
    for thick, z in ((-0.5, first - 0.5), (0, first + 2), (0.5, first + count - 0.5)):
        wanted = world(source, (z, 1 + 4, 3 + 5))
        np.testing.assert_allclose(world(made, (thick, 4, 5)), wanted, atol=1e-9)


@pytest.mark.parametrize("kind", [*APART, *MIXED])
def test_placement_is_that_of_the_layer(kind):
    attributes = {**APART, **MIXED}[kind](4)
    source = make_layer(4, attributes)
    again = make_layer(4, Placement.of(4, **attributes).attributes())
    looked_at = make_layer(4, layer_image(source).placement.attributes())
    for pixel in RNG.uniform(0, 9, (4, 4)):
        np.testing.assert_allclose(world(again, pixel), world(source, pixel), atol=1e-9)
        np.testing.assert_allclose(world(looked_at, pixel), world(source, pixel), atol=1e-9)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"scale": (1, 2)}, r"scale has shape \(2,\); accepted is \(3,\)"),
        ({"translate": np.zeros(4)}, r"translate has shape \(4,\); accepted is \(3,\)"),
        ({"rotate": 30}, r"rotate has shape \(\); accepted is \(3, 3\)"),
        ({"shear": (1, 2)}, r"shear has shape \(2,\); accepted is \(3,\)"),
        ({"shear": np.eye(2)}, r"shear has shape \(2, 2\); accepted is \(3, 3\)"),
        ({"affine": np.eye(3)}, r"affine has shape \(3, 3\); accepted is \(4, 4\)"),
    ],
)
def test_wrong_sizes_are_refused(attributes, text):
    with pytest.raises(ConfigError, match=text):
        Placement.of(3, **attributes)
