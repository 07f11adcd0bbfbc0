"""Layers written as OME-Zarr, and read again."""

import subprocess
import sys

import numpy as np
import pytest
import yaozarrs

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import zarr_layers
from napari_umis_fusion.layers import fuse_layer
from napari_umis_fusion.scale import _write_layers, write_zarr

RNG = np.random.default_rng(0)
PLANES = RNG.integers(0, 60000, (3, 300, 270), np.uint16)
PLACED = {
    "name": "cells",
    "axis_labels": ("z", "y", "x"),
    "scale": (2.0, 0.5, 0.25),
    "translate": (4.0, 10.0, -1.0),
    "units": ("um", "um", "um"),
    "contrast_limits": (100.0, 5000.0),
}


def test_an_image_and_its_labels(tmp_path):
    labels = RNG.integers(0, 9, PLANES.shape, np.int64)
    (path,) = write_zarr(
        tmp_path / "a", [(PLANES, PLACED, "image"), (labels, {**PLACED, "name": "seg/1"}, "labels")]
    )
    assert path == str(tmp_path / "a.ome.zarr")
    yaozarrs.validate_zarr_store(path)
    (levels, told, kind), (numbers, of_labels, other) = zarr_layers(path)
    assert (kind, other) == ("image", "labels")
    assert [level.shape for level in levels] == [(3, 300, 270), (3, 150, 135)]
    np.testing.assert_array_equal(levels[0], PLANES)
    np.testing.assert_array_equal(numbers[0], labels)
    np.testing.assert_array_equal(numbers[1], labels[:, ::2, ::2])
    means = PLANES.astype(float).reshape(3, 150, 2, 135, 2).mean((2, 4))
    np.testing.assert_allclose(levels[1], means, atol=0.5)
    assert told["scale"] == PLACED["scale"]
    assert told["translate"] == PLACED["translate"]
    assert told["units"] == ("micrometer",) * 3
    assert told["contrast_limits"] == (100.0, 5000.0)
    assert of_labels["name"] == "seg_1"


def test_results_of_a_fusion(tmp_path):
    made = fuse_layer((PLANES[:, :40, :50], PLACED, "image"), focus_measure="laplacian")
    (path,) = write_zarr(tmp_path / "r.ome.zarr", made)
    yaozarrs.validate_zarr_store(path)
    ((data, told, _),) = zarr_layers(path)
    np.testing.assert_array_equal(data, made[0][0])
    assert told["scale"] == (0.5, 0.25)
    assert (
        told["metadata"]["umis_fusion"]["config"] == made[0][1]["metadata"]["umis_fusion"]["config"]
    )
    depth = zarr_layers(tmp_path / "r.ome.zarr" / "maps" / "cells_depth_map_m")
    np.testing.assert_array_equal(
        depth[0][0], next(one[0] for one in made if "depth" in one[1]["name"])
    )


@pytest.mark.parametrize(
    ("data", "attributes", "shape", "colours"),
    [
        (PLANES.astype(np.uint8)[0, :40, :30].reshape(40, 10, 3), {"rgb": True}, (40, 10), 3),
        (PLANES[:, :40, :30], {"axis_labels": ("c", "y", "x")}, (40, 30), 3),
        (PLANES[None, :, :20, :30], {"axis_labels": ("z", "t", "y", "x")}, (3, 20, 30), 1),
        (PLANES[:, :20, :30] > 9, {}, (3, 20, 30), 1),
    ],
    ids=["colour", "channels", "order of axes", "bool"],
)
def test_axes(tmp_path, data, attributes, shape, colours):
    (path,) = write_zarr(tmp_path / "a.zarr", [(data, {"name": "a", **attributes}, "image")])
    yaozarrs.validate_zarr_store(path)
    layers = zarr_layers(path)
    assert [layer[0].shape for layer in layers] == [shape] * colours
    if attributes.get("rgb"):
        np.testing.assert_array_equal(np.stack([one[0] for one in layers], -1), data)
        assert [one[1]["colormap"] for one in layers] == ["red", "green", "blue"]


def test_what_is_refused_or_interrupted_leaves_nothing(tmp_path, monkeypatch):
    image = (PLANES, PLACED, "image")
    write_zarr(tmp_path / "a.zarr", [image])
    with pytest.raises(StackFileError, match="exists, and OME-Zarr is never replaced"):
        write_zarr(tmp_path / "a.zarr", [image])
    with pytest.raises(StackFileError, match="got no image layer"):
        write_zarr(tmp_path / "b.zarr", [(PLANES, {}, "labels")])
    both = (
        np.zeros((2, 9, 8, 3), np.uint8),
        {"rgb": True, "axis_labels": ("c", "y", "x")},
        "image",
    )
    with pytest.raises(StackFileError, match="has channels and colour"):
        write_zarr(tmp_path / "b.zarr", [both])

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_write_layers, "write_group", fail)
    with pytest.raises(StackFileError, match=r"b\.zarr: .*free some space"):
        write_zarr(tmp_path / "b.zarr", [image])
    assert [one.name for one in tmp_path.iterdir()] == ["a.zarr"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    code = (
        "import os, sys\nimport numpy as np\nfrom napari_umis_fusion.scale import _write_layers\n"
        "_write_layers.write_group = lambda *_: os._exit(9)\n"
        "image = np.zeros((3, 9, 9), 'u1'), {'axis_labels': ('z', 'y', 'x')}, 'image'\n"
        "_write_layers.write_zarr(sys.argv[1], [image])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.zarr")], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name != "a.zarr"
    write_zarr(tmp_path / "a.zarr", [(PLANES, PLACED, "image")])
    assert [one.name for one in tmp_path.iterdir()] == ["a.zarr"]


def test_what_cannot_be_held_is_told(tmp_path):
    turned = [[0.0, -1.0], [1.0, 0.0]]
    with pytest.warns(UserWarning, match=r"a\.zarr: cells is rotated, sheared or transformed"):
        write_zarr(tmp_path / "a.zarr", [(PLANES[0], {"name": "cells", "rotate": turned}, "image")])
