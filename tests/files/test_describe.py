import errno
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import describe_file
from napari_umis_fusion.files.read._naming_errors import naming_read_errors


def test_ome_tiff(tmp_path):
    path = tmp_path / "s.ome.tif"
    metadata = {"axes": "ZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 2}
    tifffile.imwrite(path, np.zeros((3, 2, 6, 5), "u2"), metadata=metadata, compression="zlib")
    description = describe_file(path)
    assert description == {
        "kind": "OME-TIFF",
        "path": str(path),
        "axes": "ZCYX",
        "shape": [3, 2, 6, 5],
        "dtype": "uint16",
        "series": 1,
        "compression": "adobe_deflate",
        "planes": 3,
        "channels": 2,
        "colour": False,
        "z_step_um": 2.0,
        "pixel_height_um": 0.25,
        "pixel_width_um": 0.5,
    }
    assert json.loads(json.dumps(description)) == description


@pytest.mark.parametrize(
    ("shape", "options", "wanted"),
    [
        ((3, 6, 5), {"imagej": True, "metadata": {"axes": "ZYX"}}, ("ImageJ TIFF", "ZYX", 3, 1)),
        ((7, 6, 5), {"metadata": None}, ("TIFF", "IYX", 7, 1)),
        ((7, 6, 5), {"bigtiff": True}, ("TIFF (BigTIFF)", "QYX", 7, 1)),
        ((6, 5, 3), {"photometric": "rgb"}, ("TIFF", "YXS", 1, 3)),
    ],
)
def test_other_tiffs(tmp_path, shape, options, wanted):
    path = tmp_path / "s.tif"
    options = {"photometric": "minisblack"} | options
    tifffile.imwrite(path, np.zeros(shape, "u1"), **options)
    description = describe_file(path)
    assert tuple(description[key] for key in ("kind", "axes", "planes", "channels")) == wanted
    assert description["colour"] is (options["photometric"] == "rgb")


def test_axes_in_doubt_are_described_all_the_same(tmp_path):
    path = tmp_path / "s.ome.tif"
    tifffile.imwrite(path, np.zeros((4, 2, 6, 5), "u1"), metadata={"axes": "TCYX"})
    description = describe_file(path)
    assert (description["axes"], description["planes"]) == ("TCYX", None)
    assert "--z-axis T" in description["choose"]


@pytest.mark.parametrize(
    ("name", "shape", "wanted"),
    [("p.png", (6, 5), ("PNG image", "YX", 1)), ("p.jpg", (6, 5, 3), ("JPEG image", "YXS", 3))],
)
def test_images(tmp_path, name, shape, wanted):
    Image.fromarray(np.zeros(shape, "u1")).save(tmp_path / name)
    description = describe_file(tmp_path / name)
    assert tuple(description[key] for key in ("kind", "axes", "channels")) == wanted
    assert (description["shape"], description["planes"]) == (list(shape), 1)
    assert description["colour"] is (len(shape) == 3)


def test_folder(tmp_path):
    for z in range(3):
        Image.fromarray(np.zeros((6, 5, 3), "u1")).save(tmp_path / f"{z}.png")
    description = describe_file(tmp_path)
    assert description["kind"] == "folder of images"
    assert (description["axes"], description["shape"]) == ("ZYXS", [3, 6, 5, 3])
    assert (description["planes"], description["channels"], description["colour"]) == (3, 3, True)


def test_an_empty_name_is_not_the_current_folder():
    with pytest.raises(StackFileError, match="empty name"):
        describe_file("")


def test_a_file_that_may_not_be_read_is_not_called_broken():
    with (
        pytest.raises(StackFileError, match=r"p\.tif: cannot be read \(denied\); see that you may"),
        naming_read_errors(Path("p.tif")),
    ):
        raise PermissionError(errno.EACCES, "denied")


@pytest.mark.parametrize("name", ["none.tif", "broken.tif", "notes.txt"])
def test_what_cannot_be_described_is_named(tmp_path, name):
    (tmp_path / "broken.tif").write_bytes(b"no TIFF")
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(StackFileError, match=name):
        describe_file(tmp_path / name)
