"""What layers give to a training, against slicing by hand; and that nothing is read for it."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files.read import read_layers
from napari_umis_fusion.layers import PREVIEW_KEY, training_data, training_item
from napari_umis_fusion.layers._training_data import MAX_ITEMS
from napari_umis_fusion.training.data import collect_images
from napari_umis_fusion.training.session import ScriptSource


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 255, shape).astype(dtype)


def layer(data, axes=None, **attributes):
    labels = {} if axes is None else {"axis_labels": tuple(axes)}
    return (data, {"name": "it", **labels, **attributes})


class Unread:
    """An array that must not be read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, *shape):
        self.shape = shape

    def __getitem__(self, key):
        raise AssertionError("read")


@pytest.mark.parametrize(
    ("shape", "axes", "kind", "count", "says"),
    [
        ((11, 250, 260), "zyx", "stack", 1, "11 planes of 250 x 260"),
        ((11, 250, 260), None, "stack", 1, "11 planes of 250 x 260"),
        ((250, 260, 11), "yxz", "stack", 1, "11 planes of 250 x 260"),
        ((3, 11, 250, 260), "tzyx", "stack", 3, "11 planes of 250 x 260, 3 time points"),
        ((2, 11, 250, 260), "czyx", "stack", 1, "11 planes of 250 x 260, 2 channels"),
        (
            (20, 11, 250, 260),
            "tzyx",
            "stack",
            MAX_ITEMS,
            "11 planes of 250 x 260, 20 time points, 8 of 20 stacks are used",
        ),
        (
            (2, 11, 250, 260),
            None,
            "stack",
            2,
            "11 planes of 250 x 260, 2 along 'axis 0', axis 1 is assumed to be z",
        ),
        ((70, 80), "yx", "image", 1, "70 x 80"),
        ((70, 80), None, "image", 1, "70 x 80"),
        ((1, 70, 80), "zyx", "image", 1, "70 x 80"),
        ((5, 70, 80), "tyx", "image", 5, "70 x 80, 5 images"),
        ((3, 5, 70, 80), "tcyx", "image", MAX_ITEMS, "70 x 80, 8 of 15 images are used"),
    ],
)
def test_what_it_is_and_how_many_without_reading_it(shape, axes, kind, count, says):
    item = training_item(layer(Unread(*shape), axes))
    assert (item.name, item.kind, item.summary) == ("it", kind, says)
    assert len(item.data) == count
    assert {named.source for named in item.data} == {"it"}
    assert len({named.name for named in item.data}) == count


def test_colour_is_no_axis():
    stack = training_item(layer(Unread(5, 250, 260, 3), rgb=True))
    assert (stack.kind, stack.summary) == ("stack", "5 planes of 250 x 260, colour")
    image = training_item(layer(Unread(70, 80, 4), rgb=True))
    assert (image.kind, image.summary) == ("image", "70 x 80, colour")
    assert image.data[0].data.shape == (1, 70, 80, 4)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (layer(noise(70, 80), metadata={PREVIEW_KEY: True}), "preview"),
        (layer(noise(70, 80), metadata={"umis_fusion": {"output": "index_map"}}), "index map of a"),
        ((noise(70, 80), {"name": "it"}, "labels"), "kind 'labels'"),
        (layer(noise(80)), "two axes or more"),
        (layer(noise(0, 80)), "empty"),
        (layer(noise(5, 40, 260)), "40 x 260 px is too small; at least 112"),
        (layer(noise(60, 80)), "60 x 80 px is too small; at least 64"),
        (layer(noise(70, 80, dtype=np.complex64)), "got dtype complex64"),
        (layer(noise(30, 11, 112, 112), "czyx"), "30 channels"),
    ],
)
def test_what_gives_nothing_says_why(given, reason):
    item = training_item(given)
    assert item.kind is None
    assert item.data == ()
    assert reason in item.summary
    with pytest.raises(StackError, match="is no training data"):
        item.source()
    assert training_data([item]).images == training_data([item]).stacks == ()


def test_an_all_in_focus_image_may_be_learnt_from():
    made = layer(noise(70, 80), metadata={"umis_fusion": {"output": "all_in_focus"}})
    assert training_item(made).kind == "image"


@pytest.mark.parametrize("axes", ["tyx", "ytx", "yxt", "xty", "xyt"])
def test_images_are_those_cut_by_hand(axes):
    sizes = {"t": 3, "y": 70, "x": 80}
    data = noise(*(sizes[axis] for axis in axes))
    item = training_item(layer(data, axes))
    straight = data.transpose([axes.index(axis) for axis in "tyx"])
    for t, named in enumerate(item.data):
        assert named.name == f"it [t {t}]"
        np.testing.assert_array_equal(named.data.plane(0), straight[t])
    found = collect_images(training_data([item]))
    np.testing.assert_allclose(found.images, straight / 255, atol=1e-6)


def test_a_few_are_spread_evenly():
    data = np.arange(29, dtype=np.uint8)[:, None, None] * np.ones((1, 70, 80), np.uint8)
    item = training_item(layer(data, "tyx"))
    assert [int(named.data.plane(0)[0, 0]) for named in item.data] == [0, 4, 8, 12, 16, 20, 24, 28]


def test_stacks_are_those_of_the_layer():
    data = noise(2, 4, 120, 130)
    item = training_item(layer(data, "tzyx"))
    assert [named.name for named in item.data] == ["it [t 0]", "it [t 1]"]
    np.testing.assert_array_equal(item.data[1].data.plane(3), data[1, 3])


def test_items_follow_what_else_is_learnt_from():
    stack, image = training_item(layer(noise(3, 120, 130))), training_item(layer(noise(70, 80)))
    data = training_data([stack, image], images=["folder"], stacks=["file.tif"])
    assert data.images == ("folder", *image.data)
    assert data.stacks == ("file.tif", *stack.data)


@pytest.mark.parametrize("kind", ["folder", "tiff", "time", "channel", "list"])
def test_layers_that_are_a_whole_file_know_it(tmp_path, kind):
    planes = noise(3, 120, 130)
    file = tmp_path / "z.tif"
    folder = tmp_path / "planes"
    if kind in ("folder", "list"):
        folder.mkdir()
        for z, plane in enumerate(planes):
            Image.fromarray(plane).save(folder / f"{z}.png")
    axes = {"time": "TZYX", "channel": "CZYX"}.get(kind, "ZYX")
    data = planes if axes == "ZYX" else np.stack([planes] * 2)
    tifffile.imwrite(file, data, metadata={"axes": axes}, ome=True)
    source = {"folder": folder, "list": sorted(folder.glob("*"))}.get(kind, file)
    item = training_item(read_layers(source)[-1])
    whole = {"folder": str(folder), "tiff": str(file)}.get(kind)
    assert item.source() == ScriptSource("stack", item.name, whole)


def test_single_images_of_other_readers_know_their_file():
    assert training_item(layer(noise(70, 80), path="/a/b.png")).path == "/a/b.png"
    assert training_item(layer(noise(70, 80), path="/a/b.czi")).path is None
    assert training_item(layer(noise(5, 70, 80), "tyx", path="/a/b.tif")).path is None
