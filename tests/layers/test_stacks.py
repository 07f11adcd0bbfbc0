"""The stacks of a layer against slicing by hand, and what is read for them."""

import re

import numpy as np
import pytest

from napari_umis_fusion import Calibration
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files import FILE_KEY, POSITIONS_KEY, layer_image
from napari_umis_fusion.layers import LayerPlan, LayerStacks, fuse_layer

SIZES = {"p": 2, "t": 3, "c": 2, "z": 5, "y": 7, "x": 6}
PART = {"planes": (1, 3), "rows": (2, 6), "columns": (1, 5)}


def values(axes, dtype=np.uint16, **sizes):
    shape = [{**SIZES, **sizes}[axis] for axis in axes]
    return np.random.default_rng(1).integers(0, 999, shape).astype(dtype)


def stacks_of(data, axes, **plan):
    """Return the stacks of one array, or of a list of arrays that are layers."""
    arrays = data if isinstance(data, list) else [data]
    attributes = {"axis_labels": tuple(axes)}
    images = [
        layer_image((array, {**attributes, "name": f"layer {n}"})) for n, array in enumerate(arrays)
    ]
    return LayerStacks(images, LayerPlan(**plan))


def by_hand(data, axes, entries, *, part=False):
    """Return (Z, Y, X) or (Z, Y, X, C) at some entries of axes, by transposing."""
    rest = [axis for axis in axes if axis not in entries]
    index = tuple(entries.get(axis, slice(None)) for axis in axes)
    wanted = [axis for axis in "zyxc" if axis in rest]
    stack = np.asarray(data)[index].transpose([rest.index(axis) for axis in wanted])
    return stack[1:4, 2:6, 1:5] if part else stack


def all_planes(stack):
    return np.stack([stack.plane(z) for z in range(len(stack))])


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize(
    ("axes", "each"),
    [
        ("zyx", False),
        ("xyz", False),
        ("yxz", False),
        ("xzy", False),
        ("tzyx", False),
        ("ztyx", False),
        ("zyxt", False),
        ("tczyx", False),
        ("tczyx", True),
        ("zyxc", False),
        ("xzcyt", True),
        ("cxzyt", False),
        ("ptzcyx", False),
    ],
)
def test_stacks_are_those_cut_by_hand(axes, each, part):
    data = values(axes)
    stacks = stacks_of(data, axes, each_channel=each, **(PART if part else {}))
    together = "zyx" if each else "zyxc"
    places = list(stacks.places())
    assert len(places) == np.prod([SIZES[axis] for axis in axes if axis not in together])
    for place in places:
        stack = stacks.stack(place)
        entries = {axes[axis]: entry for axis, entry in place[1].items()}
        expected = by_hand(data, axes, entries, part=part)
        assert stack.shape == expected.shape
        assert stack.dtype == data.dtype
        np.testing.assert_array_equal(all_planes(stack), expected)
        rows, columns = slice(1, 3), slice(2, None)
        np.testing.assert_array_equal(stack.region(1, rows, columns), expected[1, rows, columns])
        assert stack.plane(0).flags.c_contiguous
    assert stacks.channels == (SIZES["c"] if "c" in axes and not each else 1)


@pytest.mark.parametrize("axes", ["tzyx", "xzyt", "ctzyx"])
def test_colour_stays_last(axes):
    shape = (*values(axes).shape, 3)
    data = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    image = layer_image((data, {"axis_labels": tuple(axes), "rgb": True}))
    stacks = LayerStacks([image], LayerPlan(**PART))
    for place in stacks.places():
        stack = stacks.stack(place)
        entries = {axes[axis]: entry for axis, entry in place[1].items()}
        samples = [by_hand(data[..., sample], axes, entries, part=True) for sample in range(3)]
        np.testing.assert_array_equal(all_planes(stack), np.stack(samples, axis=-1))
        assert stack.rgb
    assert stacks.channels == 1


def test_several_layers_are_channels():
    layers = [values("tzyx") + number for number in range(3)]
    stacks = stacks_of(layers, "tzyx", **PART)
    assert stacks.channels == 3
    for place in stacks.places():
        expected = [by_hand(layer, "tzyx", {"t": place[1][0]}, part=True) for layer in layers]
        stack = stacks.stack(place)
        np.testing.assert_array_equal(all_planes(stack), np.stack(expected, axis=-1))
        assert not stack.rgb, "three layers are no colour"


def test_each_of_several_layers():
    layers = [values("tzyx") + number for number in range(2)]
    stacks = stacks_of(layers, "tzyx", each_channel=True)
    places = list(stacks.places())
    assert [(layer, entries[0]) for layer, entries in places] == [
        (layer, t) for layer in range(2) for t in range(3)
    ]
    for layer, entries in places:
        stack = stacks.stack((layer, entries))
        np.testing.assert_array_equal(all_planes(stack), layers[layer][entries[0]])
    assert stacks.channels == 1


@pytest.mark.parametrize(
    ("index", "channels", "stacks"), [({0: 1}, 2, 1), ({1: 1}, 1, 3), ({0: 2, 1: 0}, 1, 1)]
)
def test_index_picks_one_entry(index, channels, stacks):
    data = values("tczyx")
    taken = stacks_of(data, "tczyx", index=index)
    places = list(taken.places())
    assert (len(places), taken.channels) == (stacks, channels)
    for place in places:
        entries = {"tczyx"[axis]: entry for axis, entry in {**place[1], **index}.items()}
        expected = by_hand(data, "tczyx", entries)
        np.testing.assert_array_equal(all_planes(taken.stack(place)), expected)


def counted(data):
    """Return a dask array of one chunk for each plane, and the list of chunks computed."""
    import dask.array as da

    computed = []

    def load(block_info):
        location = block_info[None]["array-location"]
        computed.append(tuple(first for first, _ in location[:-2]))
        return data[tuple(slice(*edges) for edges in location)]

    chunks = (*((1,) * size for size in data.shape[:-2]), *((size,) for size in data.shape[-2:]))
    return da.map_blocks(load, chunks=chunks, dtype=data.dtype, meta=data[:0]), computed


def test_dask_computes_only_the_plane_asked_for():
    data = values("tczyx")
    lazy, computed = counted(data)
    stacks = stacks_of(lazy, "tczyx")
    places = list(stacks.places())
    assert computed == []
    stack = stacks.stack(places[2])
    assert computed == []
    plane = stack.plane(3)
    np.testing.assert_array_equal(plane, data[2, :, 3].transpose(1, 2, 0))
    assert sorted(computed) == [(2, 0, 3), (2, 1, 3)], "both channels of one plane"


def test_zarr_reads_only_the_region_asked_for(tmp_path):
    import zarr

    data = values("tzyx")
    array = zarr.create_array(tmp_path / "a.zarr", shape=data.shape, dtype=data.dtype)
    array[...] = data
    keys = []

    class Watched:
        shape, dtype = array.shape, array.dtype

        def __getitem__(self, key):
            keys.append(key)
            return array[key]

    np.testing.assert_array_equal(all_planes(stacks_of(array, "tzyx").stack((0, {0: 1}))), data[1])
    stack = stacks_of(Watched(), "tzyx", **PART).stack((0, {0: 1}))
    assert keys == []
    part = stack.region(2, slice(1, 3), slice(0, 2))
    np.testing.assert_array_equal(part, data[1, 3, 3:5, 1:3])
    assert keys == [(1, 3, slice(3, 5), slice(1, 3))]


def test_calibration_and_files_go_along():
    attributes = {
        "axis_labels": tuple("xyz"),
        "scale": (0.25, 0.5, -2000),
        "units": ("um", "um", "nm"),
        "path": "/data/a.tif",
    }
    stacks = LayerStacks([layer_image((values("xyz"), attributes))], LayerPlan())
    stack = stacks.stack((0, {}))
    assert stack.calibration == Calibration(2.0, 0.5, 0.25)
    assert stack.sources == ("/data/a.tif",)
    assert stacks_of(values("zyx"), "zyx").stack((0, {})).calibration == Calibration()


@pytest.mark.parametrize(("scale", "holds"), [(2.0, True), (3.0, False)])
def test_uneven_positions_go_along_while_the_scale_is_that_of_the_file(scale, holds):
    places = [0.0, 1.0, 2.0, 5.0, 8.0]
    attributes = {
        "axis_labels": tuple("zyx"),
        "scale": (scale, 0.5, 0.5),
        "units": ("um", "um", "um"),
        "metadata": {FILE_KEY: {"path": "/data/a.tif", POSITIONS_KEY: places}},
    }
    image = layer_image((values("zyx"), attributes))
    whole = LayerStacks([image], LayerPlan()).stack((0, {}))
    part = LayerStacks([image], LayerPlan(planes=(1, 3))).stack((0, {}))
    assert whole.calibration.z_positions_um == (tuple(places) if holds else None)
    assert part.calibration.z_positions_um == ((0.0, 1.0, 4.0) if holds else None)
    assert part.calibration.z_step_um == (2.0 if holds else 3.0)


def test_the_depth_map_of_a_layer_follows_uneven_positions():
    attributes = {
        "axis_labels": tuple("zyx"),
        "scale": (2.0, 0.5, 0.5),
        "units": ("um", "um", "um"),
        "metadata": {FILE_KEY: {POSITIONS_KEY: [0.0, 1.0, 2.0, 5.0, 8.0]}},
    }
    data = np.zeros((5, 40, 40), np.uint8)
    data[3] = np.random.default_rng(2).integers(0, 255, (40, 40))
    plan = LayerPlan(outputs=("depth_map",), planes=(1, 4))
    options = {"focus_measure": "laplacian", "verification": "none"}
    ((depth, made, _),) = fuse_layer((data, attributes), plan=plan, **options)
    assert np.median(depth) == pytest.approx(5.0, abs=0.5)
    assert "µm" in made["name"]


def test_values_come_in_native_byte_order():
    data = values("zyx", ">u2")
    stack = stacks_of(data, "zyx").stack((0, {}))
    assert stack.plane(0).dtype.isnative
    np.testing.assert_array_equal(all_planes(stack), data)


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ([values("zyx", z=4)], r"'layer 1' is z (4), y (7), x (6) uint16, 'layer 0' is z (5)"),
        ([values("zyx", np.uint8)], "x (6) uint8, 'layer 0' is z (5), y (7), x (6) uint16"),
        ([values("zyx"), values("zyx", x=9)], "'layer 2' is z (5), y (7), x (9)"),
    ],
)
def test_layers_that_differ(others, text):
    with pytest.raises(StackError, match=f"{re.escape(text)}.*one shape and dtype"):
        stacks_of([values("zyx"), *others], "zyx")


def test_layers_that_hold_channels_themselves():
    with pytest.raises(StackError, match="'layer 1' and 'layer 0' hold colour or channels"):
        stacks_of([values("czyx")] * 2, "czyx")
    colour = np.zeros((5, 7, 6, 3), np.uint8)
    images = [layer_image((colour, {"rgb": True}))] * 2
    with pytest.raises(StackError, match="hold colour or channels"):
        LayerStacks(images, LayerPlan())


@pytest.mark.parametrize(
    ("axes", "plan", "text"),
    [
        ("zyx", {"planes": (0, 5)}, "planes=(0, 5); the stack has planes 0 to 4"),
        ("zyx", {"planes": (7, 9)}, "planes=(7, 9); the stack has planes 0 to 4"),
        ("zyx", {"rows": (0, 8)}, "rows=(0, 8), columns=(0, 6) reach beyond the planes"),
        ("zyx", {"columns": (3, 7)}, "accepted are rows 0 to 7 and columns 0 to 6"),
        ("xyz", {"rows": (0, 8)}, "accepted are rows 0 to 7 and columns 0 to 6"),
        ("tzyx", {"index": {0: 3}}, "index t=3; accepted is 0 to 2"),
        ("tzyx", {"index": {0: -1}}, "index t=-1; accepted is 0 to 2"),
        ("tzyx", {"index": {1: 0}}, "index={1: 0}: axis 1 is not looped over"),
        ("tzyx", {"index": {4: 0}}, "index={4: 0}: axis 4 is not looped over"),
        ("zyx", {"z_axis": "w"}, "z_axis='w'"),
    ],
)
def test_what_is_not_there(axes, plan, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        stacks_of(values(axes), axes, **plan)


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ({"planes": (3, 2)}, "planes=(3, 2); accepted are two whole numbers"),
        ({"planes": (-1, 2)}, "planes=(-1, 2)"),
        ({"rows": (3, 3)}, "rows=(3, 3)"),
        ({"columns": (0, 2.5)}, "columns=(0, 2.5)"),
        ({"columns": (0, 1, 2)}, "columns=(0, 1, 2)"),
        ({"outputs": ("depth",)}, "outputs=('depth',); accepted are all_in_focus, index_map"),
        ({"outputs": ()}, "outputs=()"),
    ],
)
def test_plan_that_cannot_be(plan, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        LayerPlan(**plan)


def test_one_plane_may_be_asked_for():
    data = values("zyx")
    stack = stacks_of(data, "zyx", planes=(4, 4)).stack((0, {}))
    np.testing.assert_array_equal(all_planes(stack), data[4:])


@pytest.mark.parametrize("several", [False, True])
def test_too_many_channels_for_one_decision(several):
    data = [values("zyx")] * 17 if several else values("czyx", c=17)
    axes = "zyx" if several else "czyx"
    stacks = stacks_of(data, axes)
    for rule in ("auto", "mean", "max"):
        with pytest.raises(StackError, match=r"has 17 channels; at most 16.*each_channel"):
            stacks.check_decision(rule)
    stacks.check_decision(16)
    assert stacks.stack((0, {})).shape[3] == 17
    assert len(list(stacks_of(data, axes, each_channel=True).places())) == 17


@pytest.mark.parametrize(
    ("axes", "sizes", "dtype", "text"),
    [
        ("tzyx", {"t": 0}, "uint8", r"'layer 0' is empty: t \(0\), z \(5\)"),
        ("zyx", {"z": 0}, "uint8", r"'layer 0' is empty: z \(0\)"),
        ("zyx", {}, "complex64", "got dtype complex64; accepted are bool.*Convert the values"),
        ("zyx", {}, "complex64", "got dtype complex64"),
    ],
)
def test_what_is_no_stack(axes, sizes, dtype, text):
    with pytest.raises(StackError, match=text):
        stacks_of(values(axes, dtype, **sizes), axes)
