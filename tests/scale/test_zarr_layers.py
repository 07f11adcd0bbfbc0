"""Images of OME-Zarr as layers."""

import numpy as np
import pytest

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.layers import fuse_layer
from napari_umis_fusion.scale import fuse_zarr, zarr_kind, zarr_layers


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
    for path in (plate, tmp_path, tmp_path / "none"):
        with pytest.raises(StackFileError, match="cannot be opened as an image of OME-Zarr"):
            zarr_layers(path)
