"""Layers of any axes that are projected along a depth layer, and points and labels through it."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse_layer
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import FILE_KEY, POSITIONS_KEY, RUN_KEY, layer_image
from napari_umis_fusion.layers import (
    DepthLayer,
    PlacedDepth,
    labels_onto_surface,
    points_onto_surface,
    points_to_image,
    project_layer,
)

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

SIZES = {"t": 2, "c": 3, "z": 6, "y": 12, "x": 15}
STEPS = {"t": 1.0, "c": 1.0, "z": 2.0, "y": 0.5, "x": 0.5}
ORIGIN = {"t": 0.0, "c": 0.0, "z": 7.0, "y": 3.0, "x": -4.0}
QUICK = {"focus_measure": "laplacian", "islands": "keep", "outputs": ("depth_map",)}


def about(axes, name="cells", **changed):
    steps, origin = {**STEPS, **changed.get("steps", {})}, {**ORIGIN, **changed.get("origin", {})}
    return {
        "name": name,
        "axis_labels": tuple(axes),
        "scale": tuple(steps[axis] for axis in axes),
        "translate": tuple(origin[axis] for axis in axes),
        "units": tuple("um" if axis in "zyx" else "pixel" for axis in axes),
    }


def stack(axes, seed=0, **sizes):
    shape = [{**SIZES, **sizes}[axis] for axis in axes]
    return np.random.default_rng(seed).integers(0, 60_000, shape).astype(np.uint16)


def depth_layer(axes, seed=0, **options):
    """Fuse a stack, and put a known surface into its depth map: tilted, another at each time."""
    ((data, attributes, _),) = fuse_layer((stack(axes), about(axes)), **{**QUICK, **options})
    rng = np.random.default_rng(seed)
    names = [label for label in attributes["axis_labels"] if label in axes]
    index = np.indices(data.shape)
    made = np.full(data.shape, rng.uniform(2, 5))
    for name, places in zip(names, index, strict=True):
        made += {"y": 0.3, "x": -0.1, "t": 1.0}.get(name, 0) * rng.uniform(0.5, 1) * places
    return np.clip(made, 0, 10).astype(np.float32), attributes, "image"


def nearest_planes(depth_um):
    return np.clip(np.rint(depth_um / STEPS["z"]).astype(int), 0, SIZES["z"] - 1)


@pytest.mark.parametrize("keep_axes", [False, True])
@pytest.mark.parametrize("axes", ["zyx", "zxy", "tzyx", "tczyx", "ztyx"])
def test_each_time_and_channel_follows_its_own_surface(axes, keep_axes):
    depth = depth_layer(axes, keep_axes=keep_axes)
    other = stack(axes, seed=5)
    data, attributes, kind = project_layer((other, about(axes, "actin")), depth)
    rest = [axis for axis in axes if axis != "z"]
    assert (kind, attributes["axis_labels"]) == ("image", tuple(rest))
    assert data.shape == tuple(SIZES[axis] for axis in rest)
    np.testing.assert_allclose(attributes["scale"], [STEPS[axis] for axis in rest])
    np.testing.assert_allclose(attributes["translate"], [ORIGIN[axis] for axis in rest])
    flat = depth[0].reshape([side for side in depth[0].shape if side > 1])
    if "c" in axes:
        flat = np.broadcast_to(flat[:, None], data.shape)
    planes = np.expand_dims(nearest_planes(flat), axes.index("z"))
    expected = np.take_along_axis(other, planes, axes.index("z")).squeeze(axes.index("z"))
    np.testing.assert_array_equal(data, expected)
    record = attributes["metadata"][RUN_KEY]
    assert record["output"] == "around"
    assert record["around"]["depth_map"] == depth[1]["name"]


def test_other_steps_pixels_and_places_are_matched_in_the_world():
    """The other stack is coarser in z and finer in x, begins elsewhere, and runs downwards."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        depth = depth_layer("zyx", seed)
        step, start = rng.choice([0.7, 3.1]), rng.uniform(5, 9)
        steps = {"z": -step, "y": 0.5, "x": 0.25}
        origin = {"z": start + 9 * step, "y": ORIGIN["y"] + 1, "x": ORIGIN["x"] - 1}
        other = stack("zyx", seed, z=10, x=40)
        placed = about("zyx", "finer", steps=steps, origin=origin)
        data, attributes, _ = project_layer((other, placed), depth, thickness_um=1e-3)
        at = attributes["translate"], attributes["scale"]
        surface = depth[0]
        for row, column in rng.integers(0, data.shape, (60, 2)):
            y, x = (at[0][k] + at[1][k] * n for k, n in enumerate((row, column)))
            v, u = (y - ORIGIN["y"]) / 0.5, (x - ORIGIN["x"]) / 0.5
            low = min(max(int(u), 0), 13)
            here = np.interp(u, [low, low + 1], surface[int(v), low : low + 2]) + ORIGIN["z"]
            away = np.abs(origin["z"] - step * np.arange(10) - here)
            j = round((x - origin["x"]) / 0.25)
            if away.min() <= step / 2 - 1e-3:
                i = round((y - origin["y"]) / 0.5)
                assert data[row, column] == other[away.argmin(), i, j]
            elif away.min() > step / 2 + 1e-3:
                assert data[row, column] == 0


def test_options_of_a_fusion_of_channels_hold_for_one():
    config = FusionConfig(focus_measure="laplacian", islands="keep", channel=2)
    options = {"method": "edf", "thickness_um": 5.0, "fusion": config}
    data, attributes, _ = project_layer((stack("zyx"), about("zyx")), depth_layer("zyx"), **options)
    assert data.any()
    assert attributes["metadata"][RUN_KEY]["config"]["focus_measure"] == "laplacian"


def test_colours_are_projected_sample_by_sample():
    depth = depth_layer("zyx")
    colours = np.random.default_rng(4).integers(0, 250, (6, 12, 15, 3)).astype(np.uint8)
    data, attributes, _ = project_layer((colours, {**about("zyx"), "rgb": True}), depth)
    planes = nearest_planes(depth[0])[None, ..., None]
    np.testing.assert_array_equal(data, np.take_along_axis(colours, planes, axis=0)[0])
    assert attributes["rgb"]


def test_what_is_left_out_is_filled_and_labels_come_from_the_nearest_plane():
    depth = depth_layer("zyx")
    wrong, never = depth[0].copy(), np.zeros(depth[0].shape, np.uint8)
    never[3:6, 4:8] = 1
    wrong[never > 0] = 40
    left_out = never, {"name": "never", "scale": (0.5, 0.5)}
    labels = np.zeros([SIZES[a] for a in "zyx"], np.int64)
    labels[2], labels[5] = 7, 9
    about_labels = {**about("zyx", "nuclei"), "features": {"size": [1, 2]}}
    data, attributes, kind = project_layer(
        (labels, about_labels, "labels"), (wrong, *depth[1:]), left_out=left_out, thickness_um=30.0
    )
    assert (kind, attributes["features"]) == ("labels", {"size": [1, 2]})
    nearer = np.where(np.abs(depth[0] - 4) < np.abs(depth[0] - 10), 7, 9)
    assert (data == nearer)[never == 0].all()
    assert set(np.unique(data)) <= {7, 9}, "no plane is at 40 µm"


def test_aligned_planes_are_aligned_again():
    from napari_umis_fusion import Alignment

    shifts = np.zeros((SIZES["z"], 2, 3))
    shifts[:] = np.eye(2, 3)
    shifts[:, 1, 2] = [0, 1, 2, 0, -1, -2]
    recorded = stack("zyx")
    depth = depth_layer("zyx")
    told = Alignment.given(shifts, recorded.shape[1:]).describe()
    record = {**depth[1]["metadata"][RUN_KEY], "alignment": told}
    aligned = depth[0] * 0 + 8, {**depth[1], "metadata": {RUN_KEY: record}}, "image"
    data, _, _ = project_layer((recorded, about("zyx")), aligned)
    np.testing.assert_array_equal(data[:, 1:], recorded[4][:, :-1])
    _, attributes, _ = project_layer((recorded[:5], about("zyx")), aligned)
    assert "taken as recorded" in attributes["metadata"][RUN_KEY]["notes"][0]


def test_layers_that_do_not_belong_together_are_refused():
    depth = depth_layer("tzyx")
    with pytest.raises(StackError, match="choose layers of one specimen"):
        project_layer((stack("tzyx", t=3), about("tzyx")), depth)
    with pytest.raises(StackError, match="lie at different places"):
        project_layer((stack("zyx"), about("zyx", origin={"x": 900.0})), depth)
    with pytest.raises(StackError, match="is no depth map in µm"):
        project_layer((stack("zyx"), about("zyx")), (depth[0], {"name": "picture"}))
    record = {**depth[1]["metadata"][RUN_KEY], "layer": {"name": "cells"}}
    foreign = depth[0], {**depth[1], "metadata": {RUN_KEY: record}}
    with pytest.raises(StackError, match="does not tell where the planes of its stack lie"):
        project_layer((stack("zyx"), about("zyx")), foreign)
    unscaled = {**about("zyx"), "units": ("pixel",) * 3}
    with pytest.raises(StackError, match="distance between the planes of 'cells' is unknown"):
        project_layer((stack("zyx"), unscaled), depth)


# --- points and labels through the depth map


def placed(depth, never=None, **options):
    mask = None if never is None else (never, {"name": "never"}, "labels")
    return PlacedDepth.of(depth, mask, **options)


@pytest.mark.parametrize("keep_axes", [False, True])
@pytest.mark.parametrize("axes", ["zyx", "tzyx"])
def test_points_go_onto_the_surface_and_back(axes, keep_axes):
    depth = depth_layer(axes, keep_axes=keep_axes)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        flat = [axis for axis in axes if axis != "z"]
        high = [SIZES[axis] - 1 for axis in flat]
        pixels = rng.uniform(0, high, (9, len(flat)))
        pixels[:, :-2] = np.rint(pixels[:, :-2])
        looks = {"features": {"n": list(range(9))}, "face_color": list("rgbrgbrgb"), "size": 4}
        given = pixels, {**about(flat, "spots"), **looks}, "points"
        (data, made, kind), notes = points_onto_surface(given, placed(depth, offset_um=0.5))
        assert (kind, notes) == ("points", ())
        assert made["axis_labels"] == list(axes)
        z = axes.index("z")
        surface = depth[0].reshape([side for side in depth[0].shape if side > 1])
        there = surface[tuple(np.rint(pixels).astype(int).T)] + 0.5
        world = made["translate"][z] + made["scale"][z] * data[:, z]
        np.testing.assert_allclose(world, ORIGIN["z"] + there, rtol=1e-6)
        np.testing.assert_array_equal(np.delete(data, z, 1), pixels)
        assert {key: made[key] for key in ("face_color", "size")} == {
            key: looks[key] for key in ("face_color", "size")
        }
        assert list(made["features"]["n"]) == looks["features"]["n"]
        assert set(made["features"]["depth"]) == {"measured"}
        (back, again, _), _ = points_to_image((data, made, "points"), placed(depth))
        np.testing.assert_array_equal(back, pixels)
        assert again["axis_labels"] == flat
        np.testing.assert_allclose(again["features"]["below_surface_um"], 0.5, atol=1e-5)


def test_the_surface_in_3d_lies_where_its_points_do():
    depth = depth_layer("zyx")
    layer = DepthLayer(layer_image(depth))
    (vertices, *_), attributes, _ = layer.surface_layer(layer.heights())
    world = vertices[:, 0] + attributes["translate"][0]
    limits = ORIGIN["z"] + np.array([depth[0].min(), depth[0].max()])
    np.testing.assert_allclose([world.min(), world.max()], limits, rtol=1e-5)


def test_points_where_nothing_is_in_focus_or_outside_are_told():
    depth = depth_layer("zyx")
    never = np.zeros(depth[0].shape, np.uint8)
    never[:4] = 1
    nobody, _ = points_onto_surface((np.empty((0, 2)), about("yx"), "points"), placed(depth))
    assert nobody[0].shape == (0, 3)
    with pytest.raises(StackError, match="no finite coordinates"):
        points_onto_surface(([[2, np.nan]], about("yx"), "points"), placed(depth))
    given = [[2, 3], [8, 3], [8, 30]], {"name": "p", **about("yx")}, "points"
    (_, made, _), notes = points_onto_surface(given, placed(depth, never))
    assert list(made["features"]["depth"]) == ["from around", "measured", "outside of the map"]
    assert [note.split(" lie ")[0] for note in notes] == ["1 of 3 points"] * 2
    with pytest.raises(StackError, match="no z; accepted are points with 3 axes"):
        points_to_image(given, placed(depth))
    with pytest.raises(StackError, match="has 5 axes; over"):
        points_onto_surface((np.zeros((1, 5)), {"name": "p"}, "points"), placed(depth))


@pytest.mark.parametrize("keep_axes", [False, True])
@pytest.mark.parametrize("axes", ["zyx", "zxy", "tzyx"])
@pytest.mark.parametrize("thickness_um", [0.0, 5.0])
def test_labels_are_lifted_onto_the_surface(axes, keep_axes, thickness_um):
    depth = depth_layer(axes, keep_axes=keep_axes)
    surface = placed(depth, thickness_um=thickness_um)
    flat = [axis for axis in axes if axis != "z"]
    labels = np.random.default_rng(1).integers(0, 4, [SIZES[axis] for axis in flat])
    given = labels, {**about(flat, "cells"), "colormap": "kept"}, "labels"
    (data, made, kind), notes = labels_onto_surface(given, surface)
    z = axes.index("z")
    assert (kind, notes, made["colormap"]) == ("labels", (), "kept")
    assert data.shape == tuple(SIZES[axis] for axis in axes)
    np.testing.assert_allclose(made["scale"], [STEPS[axis] for axis in axes])
    np.testing.assert_allclose(made["translate"], [ORIGIN[axis] for axis in axes])
    there = np.expand_dims(depth[0].reshape([side for side in depth[0].shape if side > 1]), z)
    places = (STEPS["z"] * np.arange(SIZES["z"])).reshape([-1 if a == "z" else 1 for a in axes])
    away = np.abs(places - there)
    inside = away <= max(thickness_um / 2 + 2e-4, 0)
    inside |= (away == away.min(z, keepdims=True)) & ~inside.any(z, keepdims=True)
    np.testing.assert_array_equal(data, np.where(inside, np.expand_dims(labels, z), 0))
    again = project_layer((data, made, "labels"), depth, thickness_um=thickness_um)
    np.testing.assert_array_equal(again[0], labels)


def test_labels_follow_the_positions_of_uneven_planes():
    places = [0.0, 1.0, 2.0, 3.0, 9.0, 10.0]
    known = {**about("zyx"), "metadata": {FILE_KEY: {POSITIONS_KEY: places}}}
    ((data, attributes, kind),) = fuse_layer((stack("zyx"), known), **QUICK)
    depth = np.full_like(data, 8.5), attributes, kind
    labels = np.ones(data.shape, np.uint8), about("yx", "drawn"), "labels"
    (lifted, _, _), _ = labels_onto_surface(labels, placed(depth))
    assert [int(plane.sum()) for plane in lifted] == [0, 0, 0, 0, data.size, 0]
    other = stack("zyx", 3)
    made, _, _ = project_layer((other, known), depth)
    np.testing.assert_array_equal(made, other[4])


def test_labels_with_planes_are_taken_from_one_and_lost_ones_are_counted():
    depth = depth_layer("zyx")
    labels = np.zeros((SIZES["z"], SIZES["y"], 25), np.uint8)
    labels[4] = 3
    given = labels, about("zyx", "drawn"), "labels"
    (data, _, _), notes = labels_onto_surface(given, placed(depth), plane=4)
    assert (data.max(axis=0) == np.where(np.arange(25) < 15, 3, 0)).all()
    assert notes == ("120 labelled pixels have no place on the surface",)
