"""The command that projects a stack around a surface."""

import json

import numpy as np
import pytest
import tifffile

from napari_umis_fusion.cli import main
from napari_umis_fusion.files.write import write_image
from napari_umis_fusion.stack import Calibration

SHAPE = (6, 16, 20)
STACK = np.random.default_rng(0).integers(0, 9000, SHAPE).astype(np.uint16)
INDEX = np.arange(20) % 6 * np.ones((16, 1), int)


@pytest.fixture
def files(tmp_path):
    sizes = {f"PhysicalSize{axis}": size for axis, size in zip("XYZ", (0.5, 0.5, 2.0), strict=True)}
    tifffile.imwrite(tmp_path / "stack.ome.tif", STACK, ome=True, metadata={"axes": "ZYX", **sizes})
    known = Calibration(2.0, 0.5, 0.5)
    write_image(tmp_path / "index.ome.tif", INDEX.astype(np.uint16), calibration=known)
    write_image(tmp_path / "depth.ome.tif", INDEX * np.float32(2), calibration=known)
    mask = np.zeros(SHAPE[1:], np.uint8)
    mask[4:8, 4:8] = 1
    write_image(tmp_path / "mask.png", mask)
    return tmp_path


def run(files, *arguments):
    given = ["around", str(files / "stack.ome.tif"), "-o", str(files / "out.ome.tif")]
    return main([*given, *map(str, arguments)])


@pytest.mark.parametrize("name", ["depth.ome.tif", "index.ome.tif"])
def test_the_planes_at_the_surface(files, name, capsys):
    assert run(files, "--depth", files / name, "--json") == 0
    told = json.loads(capsys.readouterr().out)["provenance"]
    assert told["around"]["depth_map"] == name
    expected = np.take_along_axis(STACK, INDEX[None], 0)[0]
    np.testing.assert_array_equal(tifffile.imread(files / "out.ome.tif"), expected)


def test_options_and_notes(files, capsys):
    slab = ("--offset-um", -2, "--thickness-um", 4, "--method", "mean", "--smooth-um", 0.1)
    mask = ("--never-in-focus", files / "mask.png", "--first-plane-um", 100)
    assert run(files, "--depth", files / "depth.ome.tif", *slab, *mask) == 0
    said = capsys.readouterr().out
    assert "note: 100 % of the pixels are without a value: the slab lies outside" in said
    assert not tifffile.imread(files / "out.ome.tif").any()
    edf = ("--method", "edf", "--thickness-um", 5, "--focus-measure", "laplacian")
    assert run(files, "--depth", files / "depth.ome.tif", *edf) == 0
    assert "one plane at each pixel" not in capsys.readouterr().out
    assert run(files, "--depth", files / "depth.ome.tif", *edf[:2]) == 0
    assert "the slab holds one plane at each pixel" in capsys.readouterr().out


def test_index_maps_of_uneven_planes_tell_no_depth(files, capsys):
    """By the mean step, other planes than those of the index map were shown."""
    uneven = {"PositionZ": [0, 1, 2, 6, 7, 9], "PositionZUnit": ["µm"] * 6}
    tifffile.imwrite(
        files / "stack.ome.tif", STACK, ome=True, metadata={"axes": "ZYX", "Plane": uneven}
    )
    made = [files / "stack.ome.tif", "-o", files / "sharp.tif", "--index-map", files / "i.ome.tif"]
    depth = ["--depth-map", files / "d.ome.tif", "--focus-measure", "laplacian"]
    assert main(["fuse", *map(str, [*made, *depth])]) == 0
    assert run(files, "--depth", files / "i.ome.tif") == 2
    assert (
        "unknown or uneven: add --depth-step-um, or give the depth map" in capsys.readouterr().err
    )
    assert run(files, "--depth", files / "d.ome.tif") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--focus-measure", "laplacian"), 2, "add --method edf"),
        (("--thickness-um", "-1"), 2, "accepted is a number from 0"),
        (("--depth-step-um", "2"), 2, "--depth-step-um is for index maps"),
        (("--depth", "index.ome.tif", "--depth-step-um", "-1"), 2, "--depth-step-um -1; accepted"),
        (("--depth", "mask.tif", "--depth-step-um", "1"), 1, "says yes or no at each pixel"),
        (("--z-step-um", "0"), 2, "--z-step-um 0; accepted is a positive number"),
        (("--first-plane-um", "nan"), 2, "accepted is a finite number"),
        (("--method", "edf", "--align", "auto"), 2, "are taken as they lie"),
        (("-o", "stack.ome.tif"), 1, "is an input"),
    ],
)
def test_what_is_refused(files, arguments, code, said, capsys, monkeypatch):
    monkeypatch.chdir(files)
    write_image("mask.tif", np.zeros(SHAPE[1:], bool))
    assert run(files, "--depth", "depth.ome.tif", *arguments) == code
    assert said in capsys.readouterr().err
