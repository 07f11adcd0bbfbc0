"""Images of OME-Zarr as layers."""

import shutil

import numpy as np
import pytest

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import zarr_kind, zarr_layers
from napari_umis_fusion.layers import fuse_layer
from napari_umis_fusion.scale import fuse_zarr, plate_layers


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_channels_places_and_looks(tmp_path, a_stack, write_image, version):
    data = a_stack(48, 64, planes=3, channels=2)
    source = write_image(tmp_path / "cells.ome.zarr", data, version=version)
    assert zarr_kind(source) == "image"
    first, second = zarr_layers(source)
    level, attributes, kind = second
    assert kind == "image"
    assert (np.asarray(level) == data[1]).all()
    assert attributes == {
        "name": "cells GFP",
        "axis_labels": ("z", "y", "x"),
        "scale": (2.0, 0.5, 0.5),
        "translate": (0.0, 0.0, 0.0),
        "units": ("micrometer",) * 3,
        "multiscale": False,
        "blending": "additive",
        "colormap": "green",
        "contrast_limits": (10.0, 200.0),
    }
    assert first[1]["colormap"] == "blue"


def test_results_come_with_their_labels(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "in.zarr", a_stack(300, 280, planes=3)[0], "zyx")
    fuse_zarr(source, tmp_path / "out.zarr", focus_measure="laplacian")
    image, *labels = zarr_layers(tmp_path / "out.zarr")
    assert [level.shape for level in image[0]] == [(1, 300, 280), (1, 150, 140)]
    assert [one[2] for one in labels] == ["labels"] * len(labels)
    assert [one[1]["name"] for one in labels][:2] == ["index", "never_in_focus"]
    (again, *_) = fuse_layer(zarr_layers(source)[0], focus_measure="laplacian")
    np.testing.assert_array_equal(again[0], np.asarray(image[0][0])[0])


def test_what_is_no_image(tmp_path, write_plate):
    plate = write_plate(tmp_path / "p.zarr", ("B/03",), fields=1)
    assert zarr_kind(plate) == "plate"
    assert zarr_kind(tmp_path) is None
    for path, told in (
        (plate, r"holds 1 field \(B/03/0\); .* fuse all with umis-fusion zarr"),
        (tmp_path, "is no OME-Zarr"),
        (tmp_path / "none", "no such folder"),
    ):
        with pytest.raises(StackFileError, match=told):
            zarr_layers(path)


def test_a_plate_is_layers_with_an_axis_of_fields(tmp_path, write_plate):
    kinds = {"height": 24, "width": 32, "planes": 3, "channels": 2}
    plate = write_plate(tmp_path / "screen.zarr", fields=2, **kinds)
    layers = plate_layers(plate)
    assert [told["name"] for _, told, _ in layers] == ["screen DAPI", "screen GFP"]
    (array, told, kind), _ = layers
    assert (array.shape, kind) == ((4, 3, 24, 32), "image")
    assert told["axis_labels"] == ("field", "z", "y", "x")
    assert told["scale"] == (1.0, 2.0, 0.5, 0.5)
    for place, name in enumerate(told["metadata"]["fields"]):
        same = zarr_layers(plate / name)[0][0]
        np.testing.assert_array_equal(np.asarray(array[place]), np.asarray(same))
    fused = fuse_layer(layers[0], focus_measure="laplacian", index={0: 1})
    assert fused[0][0].shape == (24, 32)


def test_fields_that_differ_are_no_layer_together(
    tmp_path, write_plate, write_image, a_stack, monkeypatch
):
    plate = write_plate(tmp_path / "p.zarr", ("B/03", "B/04"), fields=1, height=24, width=32)
    shutil.rmtree(plate / "B" / "04" / "0")
    write_image(plate / "B" / "04" / "0", a_stack(24, 40, planes=3))
    with pytest.raises(StackFileError, match="fields B/03/0 and B/04/0 differ in size"):
        plate_layers(plate)
    monkeypatch.setattr("napari_umis_fusion.scale._plate_layers.MOST_FIELDS", 1)
    with pytest.raises(StackFileError, match="holds 2 fields; at most 1 are opened at once"):
        plate_layers(plate)
    with pytest.raises(StackFileError, match="is an image; accepted are plates"):
        plate_layers(plate / "B" / "03" / "0")
