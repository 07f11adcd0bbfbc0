"""Fusing a layer against fusing, one by one, the stacks cut from it by hand."""

import gc
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image

from napari_umis_fusion import FusionConfig, LayerPlan, fuse, fuse_layer, iter_fuse, iter_fuse_layer
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import LayerFinished, LayerProgress, LayerStarted
from napari_umis_fusion.layers import _fuse as fusing
from napari_umis_fusion.synthetic import make_stack

LINUX = sys.platform == "linux"
STEP = 0.5
KINDS = ("all_in_focus", "index_map", "depth_map", "confidence_map")
QUICK = {"focus_measure": "laplacian", "window_sigma_px": 1.0}

HYPER = np.random.default_rng(3).integers(0, 256, (2, 3, 5, 16, 20)).astype(np.uint8)
"""Of axes t, c, z, y, x; noise: another plane is sharpest in every few pixels."""


def cut(axes, data=HYPER):
    """Return the array with these axes in this order, of all others entry 0."""
    kept = [axis for axis in "tczyx" if axis in axes]
    part = data[tuple(slice(None) if axis in axes else 0 for axis in "tczyx")]
    return part.transpose([kept.index(axis) for axis in axes])


def layer_of(axes, data=HYPER, **attributes):
    scale = [STEP if axis == "z" else 1 for axis in axes]
    return cut(axes, data), {"axis_labels": tuple(axes), "scale": scale, **attributes}


def maps_of(result, planes=slice(None)):
    first = np.uint16(planes.start or 0)
    depth = (result.sub_plane_map + np.float32(first)) * np.float32(STEP)
    return [result.index_map + first, depth, result.confidence_map]


def by_hand(axes, *, each=False, part=(slice(None),) * 3, data=HYPER, **options):
    """Return image and maps as `cut` returns stacks, each fused by itself."""
    box = (slice(None), slice(None), *part)
    channels = range(data.shape[1]) if "c" in axes else (0,)
    layers = [[] for _ in KINDS]
    for stacks in data[box][: len(data) if "t" in axes else 1]:
        if each or "c" not in axes:
            results = [fuse(stacks[c], **QUICK, **options) for c in channels]
            images = np.stack([result.all_in_focus for result in results])
        else:
            rule = options.pop("channel", "auto")  # three channels are no colour
            options["channel"] = "mean" if rule == "auto" else rule
            results = [fuse(np.moveaxis(stacks, 0, -1), **QUICK, **options)]
            images = np.moveaxis(results[0].all_in_focus, -1, 0)
        maps = zip(*(maps_of(result, part[0]) for result in results), strict=True)
        for made, new in zip(layers, [images, *map(np.stack, maps)], strict=True):
            made.append(new[:, None])
    shown = [axis for axis in axes if axis != "z"]
    of_maps = shown if each else [axis for axis in shown if axis != "c"]
    return [
        cut(kept, np.stack(made)).copy()
        for made, kept in zip(layers, (shown, of_maps, of_maps, of_maps), strict=True)
    ]


def arrays(layers):
    return [data for data, _, _ in layers]


def check(layers, expected):
    assert len(layers) == len(expected)
    for (data, attributes, _), wanted in zip(layers, expected, strict=True):
        assert data.dtype == wanted.dtype, attributes["name"]
        np.testing.assert_array_equal(data, wanted, err_msg=attributes["name"])


def test_the_noise_tells_planes_apart():
    index_map = fuse(HYPER[0, 0], **QUICK).index_map
    assert len(np.unique(index_map)) == 5
    assert (index_map != fuse(HYPER[1, 0], **QUICK).index_map).any()
    assert (index_map != fuse(HYPER[0, 1], **QUICK).index_map).any()


@pytest.mark.parametrize(
    ("axes", "each", "options"),
    [
        ("zyx", False, {}),
        ("xyz", False, {}),
        ("yxz", False, {}),
        ("tzyx", False, {}),
        ("ztyx", False, {}),
        ("xzyt", False, {}),
        ("tczyx", False, {}),
        ("tczyx", False, {"channel": 1}),
        ("tczyx", False, {"channel": "max", "blend": "select"}),
        ("zyxc", False, {"channel": 2}),
        ("tczyx", True, {}),
        ("xcyzt", True, {}),
        ("xcyzt", False, {"channel": 1}),
        ("zyx", False, {"blend": "select", "verification": "none"}),
    ],
)
def test_layers_are_those_fused_by_hand(axes, each, options):
    layers = fuse_layer(layer_of(axes), **QUICK, **options, each_channel=each)
    check(layers, by_hand(axes, each=each, **options))


def test_channel_of_no_channels_is_of_no_matter():
    for layer in (layer_of("zyx"), layer_of("czyx")):
        each = {"each_channel": True, "channel": 1}
        expected = fuse_layer(layer, **QUICK, each_channel=True)
        check(fuse_layer(layer, **QUICK, **each), arrays(expected))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float32", ">u2"])
def test_every_dtype_comes_back(dtype):
    data = HYPER > 120 if dtype == "bool" else (HYPER.astype(dtype) / 2).astype(dtype)
    layers = fuse_layer(layer_of("tzyx", data), **QUICK)
    check(layers, by_hand("tzyx", data=data.astype(data.dtype.newbyteorder("="))))
    assert layers[0][0].dtype == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize("options", [{}, {"channel": 1}, {"channel": "mean"}])
@pytest.mark.parametrize("axes", ["tzyx", "xtzy"])
def test_colour(axes, options):
    colour = np.moveaxis(HYPER, 1, -1).copy()
    order = ["tzyx".index(axis) for axis in axes]
    scale = [STEP if axis == "z" else 1 for axis in axes]
    attributes = {"axis_labels": tuple(axes), "rgb": True, "scale": scale}
    layers = fuse_layer((colour.transpose(*order, 4), attributes), **QUICK, **options)
    results = [fuse(stack, **QUICK, **options) for stack in colour]
    shown = ["tyx".index(axis) for axis in axes if axis != "z"]
    images = np.stack([result.all_in_focus for result in results]).transpose(*shown, 3)
    maps = [np.stack(made) for made in zip(*map(maps_of, results), strict=True)]
    check(layers, [images, *(made.transpose(shown) for made in maps)])
    assert layers[0][1]["rgb"]


@pytest.mark.parametrize("channel", ["auto", 0, 2])
def test_several_layers_share_one_decision(channel):
    data = [layer_of("tzyx", HYPER[:, [c]], name=f"c{c}") for c in range(3)]
    image, *maps = by_hand("tczyx", channel=channel)
    layers = fuse_layer(data, **QUICK, channel=channel)
    check(layers, [*image.swapaxes(0, 1), *maps])
    assert [made["name"] for _, made, _ in layers[:4]] == [
        *(f"c{c} all-in-focus" for c in range(3)),
        "c0 index map",
    ]


def test_several_layers_each_for_itself():
    data = [layer_of("tzyx", HYPER[:, [c]], name=f"c{c}") for c in range(3)]
    layers = fuse_layer(data, **QUICK, each_channel=True)
    expected = [made for kind in by_hand("tczyx", each=True) for made in kind.swapaxes(0, 1)]
    check(layers, expected)
    assert [made["name"][:2] for _, made, _ in layers] == ["c0", "c1", "c2"] * 4


PART = {"planes": (1, 3), "rows": (2, 14), "columns": (3, 20)}
BOX = (slice(1, 4), slice(2, 14), slice(3, 20))


@pytest.mark.parametrize(
    ("plan", "part"),
    [
        ({"planes": (1, 3)}, (BOX[0], slice(None), slice(None))),
        ({"rows": (2, 14), "columns": (3, 20)}, (slice(None), *BOX[1:])),
        (PART, BOX),
    ],
    ids=lambda o: str(o),
)
@pytest.mark.parametrize("axes", ["tzyx", "xyz", "czyx"])
def test_part_of_a_layer(axes, plan, part):
    layers = fuse_layer(layer_of(axes), **QUICK, **plan)
    check(layers, by_hand(axes, part=part))
    first, last = plan.get("planes", (0, 4))
    index_map, depth_map = layers[1][0], layers[2][0]
    assert (index_map.min(), index_map.max()) == (first, last), "counted as the layer counts"
    np.testing.assert_allclose(depth_map, index_map * STEP, atol=STEP / 2)


@pytest.mark.parametrize(
    ("axes", "index", "expected"),
    [
        ("tzyx", {0: 1}, lambda: [made[1] for made in by_hand("tzyx")]),
        ("tczyx", {0: 1}, lambda: [made[1] for made in by_hand("tczyx")]),
        ("tczyx", {1: 2}, lambda: [made[:, 2] for made in by_hand("tczyx", each=True)]),
        ("tczyx", {0: 1, 1: 2}, lambda: [made[1, 2] for made in by_hand("tczyx", each=True)]),
    ],
)
def test_index_picks_one_entry(axes, index, expected):
    check(fuse_layer(layer_of(axes), **QUICK, index=index), expected())


@pytest.mark.parametrize(
    ("axes", "plan", "shapes"),
    [
        ("zyx", {}, [(1, 16, 20)] * 4),
        ("tzyx", {}, [(2, 1, 16, 20)] * 4),
        ("tczyx", {}, [(2, 3, 1, 16, 20), *[(2, 1, 1, 16, 20)] * 3]),
        ("tczyx", {"each_channel": True}, [(2, 3, 1, 16, 20)] * 4),
        ("tczyx", {"index": {0: 1}}, [(1, 3, 1, 16, 20), *[(1, 1, 1, 16, 20)] * 3]),
        ("xyz", PART, [(17, 12, 1)] * 4),
    ],
)
def test_axes_may_stay(axes, plan, shapes):
    layers = fuse_layer(layer_of(axes), **QUICK, **plan, keep_axes=True)
    assert [data.shape for data in arrays(layers)] == shapes
    assert all(made["axis_labels"] == tuple(axes) for _, made, _ in layers)
    flat = fuse_layer(layer_of(axes), **QUICK, **plan)
    for kept, thin in zip(arrays(layers), arrays(flat), strict=True):
        np.testing.assert_array_equal(kept.squeeze(), thin)


def test_lazy_and_multiscale_layers_give_the_same(tmp_path):
    import dask.array as da
    import zarr

    data, attributes = layer_of("tzyx")
    stored = zarr.create_array(tmp_path / "a.zarr", shape=data.shape, dtype=data.dtype)
    stored[...] = data
    expected = arrays(fuse_layer((data, attributes), **QUICK))
    for form in (da.from_array(data, chunks=(1, 2, 9, 20)), stored, [data, data[..., ::2, ::2]]):
        check(fuse_layer(Image(form, **attributes), **QUICK), expected)


@pytest.mark.parametrize("axes", ["zyx", "tczyx"])
@pytest.mark.parametrize("verification", ["seams", "mode", "none"])
def test_selected_values_occur_in_the_stack(axes, verification):
    data, attributes = layer_of(axes)
    outputs = ("all_in_focus", "source_map")
    options = {"verification": verification, "verification_window_px": 5, "blend": "select"}
    layers = fuse_layer((data, attributes), **QUICK, **options, outputs=outputs)
    image, source_map = arrays(layers)
    z = axes.index("z")
    there = np.expand_dims(source_map, (1, 2) if axes == "tczyx" else 0)
    copied = np.take_along_axis(data, there.astype(np.intp), axis=z).squeeze(z)
    np.testing.assert_array_equal(image, copied)
    assert (np.expand_dims(image, z) == data).any(axis=z).all()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def mapped(folder):
    """Return which files of a folder are looked at, also those without a name."""
    maps = Path("/proc/self/maps").read_text()
    return [line for line in maps.splitlines() if str(folder) in line]


def test_arrays_beyond_memory_lie_in_files_that_vanish(temporary):
    expected = arrays(fuse_layer(layer_of("tczyx"), **QUICK))
    layers = fuse_layer(layer_of("tczyx"), **QUICK, memory_mb=0)
    gc.collect()
    assert all(isinstance(data.base, np.memmap) for data in arrays(layers))
    check(layers, expected)
    assert list(temporary.iterdir()) == []
    if LINUX:
        assert len(mapped(temporary)) == len(layers)
    del layers
    gc.collect()
    assert not LINUX or mapped(temporary) == []


def run(steps):
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"blend": "select", "verification": "mode", "verification_window_px": 5},
        {"planes": (1, 3)},
    ],
    ids=lambda o: str(o),
)
def test_events(options):
    events, layers = run(iter_fuse_layer(layer_of("tzyx"), **QUICK, **options))
    planes = 3 if "planes" in options else 5
    assert events[0] == LayerStarted(2, planes)
    assert isinstance(events[-1], LayerFinished)
    assert events[-1].layers is layers
    assert events[-1].config == FusionConfig(
        **QUICK, **{name: value for name, value in options.items() if name != "planes"}
    )
    progress = events[1:-1]
    assert all(isinstance(event, LayerProgress) for event in progress)
    assert all((event.stacks, event.total) == (2, planes) for event in progress)
    steps = [(e.stack, ("measuring", "verifying").index(e.stage), e.done) for e in progress]
    assert steps == sorted(steps)
    assert {step[:2] for step in steps} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    shares = [event.share for event in progress]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    ends = [event.share for event in progress if event.stack == 0]
    assert ends[-1] == pytest.approx(0.5)
    check(layers, arrays(fuse_layer(layer_of("tzyx"), **QUICK, **options)))


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, ["index_map"]),
        ({"outputs": ("index_map", "source_map"), "blend": "select"}, ["source_map"]),
        ({"outputs": ("all_in_focus",)}, []),
        ({"each_channel": True}, ["index_map"] * 2),
    ],
)
def test_finished_tells_where_pixels_come_from(options, kinds):
    pair = [layer_of("tzyx", HYPER[:, [c]]) for c in range(2)]
    *_, finished = iter_fuse_layer(pair, **QUICK, **options)
    assert [origin.kind for origin in finished.origins] == kinds


def test_notes_come_once():
    *_, finished = iter_fuse_layer(layer_of("tzyx"), **QUICK, memory_mb=0)
    assert finished.notes == ("maps kept in a temporary file: they are larger than memory_mb",)


class Slow:
    """Planes that take long to read."""

    def __init__(self, data):
        self.shape, self.dtype, self._data = data.shape, data.dtype, data

    def __getitem__(self, key):
        time.sleep(0.02)
        return self._data[key]


def working_threads():
    return [one.name for one in threading.enumerate() if one.name.startswith("umis-fusion")]


@pytest.fixture
def held(monkeypatch):
    """Hold on to every fusion, so that only closing ends it."""
    started = []

    def start(*arguments, **options):
        started.append(iter_fuse(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(fusing, "iter_fuse", start)
    return started


def test_abandoning_leaves_no_threads_and_files(temporary, held):
    data, attributes = layer_of("tzyx")
    slow, busy = Slow(data), 0
    for count in (1, 2, 4, 9, 16, 25):
        steps = iter_fuse_layer((slow, attributes), **QUICK, memory_mb=0)
        events = [event for event, _ in zip(steps, range(count), strict=False)]
        assert not isinstance(events[-1], LayerFinished)
        busy += bool(working_threads())
        steps.close()
        assert working_threads() == []
        assert list(temporary.iterdir()) == []
    assert busy > 1, "there was something to leave behind"
    assert len(held) >= 5


def test_failing_in_a_later_stack_leaves_nothing(temporary):
    data = HYPER.astype(np.float32)
    data[1, 0, 3, 4, 5] = np.nan
    with pytest.raises(StackError, match="plane 3 holds 1 NaN"):
        fuse_layer(layer_of("tzyx", data), **QUICK, memory_mb=0)
    assert working_threads() == []
    assert list(temporary.iterdir()) == []


def test_nothing_is_looked_at_before_the_first_event():
    steps = iter_fuse_layer("no layer", focus_measure="none")
    with pytest.raises(ConfigError, match="focus_measure='none'"):
        next(steps)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"no_such_option": 1}, "unknown option no_such_option; accepted are focus_measure"),
        ({"blend": "none"}, "blend='none'; accepted are select, weighted"),
        ({"outputs": ("depth",)}, r"outputs=\('depth',\); accepted are all_in_focus"),
        ({"planes": (0, 9)}, r"planes=\(0, 9\); the stack has planes 0 to 4"),
    ],
)
def test_options_that_cannot_be(options, text):
    with pytest.raises(ConfigError, match=text):
        fuse_layer(layer_of("zyx"), **options)


def test_planes_that_a_channel_lacks_are_left_out_of_all():
    """Otherwise the channel would be black wherever they are in focus."""
    stack = make_stack("bumps", (48, 60), planes=6, channels=None).stack
    lacking = np.where(np.isin(np.arange(6), (1, 2, 4, 5))[:, None, None], 0, stack)
    absent = {"umis_fusion_file": {"absent": [[1], [2], [4], [5]]}}
    attributes = {"axis_labels": ("z", "y", "x")}
    channels = [(stack, attributes), (lacking, {**attributes, "metadata": absent})]
    events = list(iter_fuse_layer(channels, **QUICK))
    index = next(data for data, made, _ in events[-1].layers if made["name"].endswith("index map"))
    assert set(np.unique(index)) <= {0, 3}
    assert any("channels miss different planes" in note for note in events[-1].notes)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ([], "got an empty list of layers"),
        (HYPER, r"kind 'ndarray'.* with its attributes: \(array, {}\)"),
    ],
)
def test_what_is_no_layer(layer, text):
    with pytest.raises(StackError, match=text):
        fuse_layer(layer, **QUICK)


def test_channel_that_is_not_there():
    with pytest.raises(StackError, match=r"channel.*3"):
        fuse_layer(layer_of("czyx"), **QUICK, channel=3)


def test_options_go_on_top_of_config_and_plan():
    config, plan = FusionConfig(**QUICK, blend="select"), LayerPlan(planes=(1, 3), keep_axes=True)
    (layer,) = fuse_layer(
        layer_of("zyx"), config, plan, blend="weighted", keep_axes=False, outputs=("index_map",)
    )
    record = layer[1]["metadata"][RUN_KEY]
    assert record["config"] == FusionConfig(**QUICK).as_dict()
    assert record["plan"] == {"planes": [1, 3], "outputs": ["index_map"]}
    assert layer[0].shape == (16, 20)


def test_one_plane_is_returned_with_a_warning():
    with pytest.warns(UserWarning, match="one plane, which is returned as it is"):
        layers = fuse_layer(layer_of("zyx"), **QUICK, planes=(2, 2))
    np.testing.assert_array_equal(layers[0][0], HYPER[0, 0, 2])
    assert (layers[1][0] == 2).all()


def test_the_plane_for_what_is_never_in_focus_is_not_counted_in_a_slab():
    chosen = {"nowhere": "plane", "nowhere_plane": 1}
    with pytest.raises(ConfigError, match=r"nowhere='plane' with planes=\(1, 3\).*fuse all planes"):
        fuse_layer(layer_of("zyx"), **QUICK, **chosen, planes=(1, 3))
    assert fuse_layer(layer_of("zyx"), **QUICK, **chosen, planes=(0, HYPER.shape[2] - 1))


def test_the_layer_is_left_alone():
    data, attributes = layer_of("tczyx", name="cells")
    data = data.copy()
    data.setflags(write=False)
    layer = Image(data, **attributes)
    before = {name: str(value) for name, value in layer._get_state().items() if name != "data"}
    fuse_layer(layer, **QUICK)
    after = {name: str(value) for name, value in layer._get_state().items() if name != "data"}
    assert after == before
    assert layer.data is data


def test_one_of_many_channels_decides_for_all():
    # not seams, which look for borders that are invisible in all channels
    options = {"focus_measure": "laplacian", "blend": "select", "verification": "mode"}
    data = np.random.default_rng(0).integers(0, 255, (20, 3, 24, 26), np.uint8)
    layer = (data, {"axis_labels": ("c", "z", "y", "x")})
    with pytest.raises(StackError, match=r"has 20 channels.*channel, fuse each"):
        fuse_layer(layer, **options)
    fused, index, _ = fuse_layer(layer, channel=18, **options)
    assert fused[0].shape == (20, 24, 26)
    alone, expected, _ = fuse_layer((data[18], {"axis_labels": ("z", "y", "x")}), **options)
    np.testing.assert_array_equal(index[0], expected[0])
    np.testing.assert_array_equal(fused[0][18], alone[0])
