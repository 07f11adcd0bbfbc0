"""Files for ImageJ and Fiji: what these show is what tifffile finds in their metadata."""

import json

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import read_layers
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import write_image, write_image_layer, write_series
from napari_umis_fusion.files.write import _imagej as imagej
from napari_umis_fusion.files.write._about import ImageAbout
from napari_umis_fusion.stack import Calibration

SIZES = Calibration(2.0, 0.5, 0.25)
OURS = {"software": "napari-umis-fusion", "config": {"blend": "select"}}


def ramp(*shape, dtype="uint16"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def told_by(path):
    with tifffile.TiffFile(path) as tif:
        assert tif.is_imagej
        page = tif.pages.first
        across, down = (page.tags[name].value for name in ("XResolution", "YResolution"))
        labels = tif.imagej_metadata.get("Labels", [])
        told = tif.imagej_metadata | {"Labels": [labels] if isinstance(labels, str) else labels}
        sizes = across[1] / across[0], down[1] / down[0]
        return told, sizes, tif.series[0].axes, tif.asarray()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_map_is_shown_with_name_unit_and_range(tmp_path, dtype):
    depth = ramp(6, 5, dtype=dtype)
    path = write_image(
        tmp_path / "d.imagej.tif",
        depth,
        calibration=SIZES,
        about=ImageAbout("beetle depth map (µm)"),
        provenance=OURS,
    )
    told, sizes, _, stored = told_by(path)
    np.testing.assert_array_equal(stored, depth, strict=True)
    assert told["Labels"] == ["beetle depth map (µm)"]
    assert told["unit"] == "micron"
    assert sizes == pytest.approx((0.25, 0.5))
    assert told["Ranges"] == (0, 29)
    assert json.loads(told["Info"]) == OURS
    ((data, attributes, _),) = read_layers(path)
    assert data.dtype == dtype
    assert attributes["metadata"]["umis_fusion"] == OURS
    assert attributes["scale"] == (0.5, 0.25)
    assert attributes["name"] == "d"


def test_channels_keep_names_colours_and_ranges(tmp_path):
    image = np.stack([ramp(6, 5), ramp(6, 5) * 2], axis=-1)
    about = ImageAbout("cells", ("DAPI", "GFP"), ((0, 0, 255), (0, 255, 0)))
    path = write_image(tmp_path / "c.imagej.tif", image, about=about, provenance=OURS)
    told, _, axes, _ = told_by(path)
    assert (axes, told["channels"], told["mode"]) == ("CYX", 2, "composite")
    assert told["Labels"] == ["cells, DAPI", "cells, GFP"]
    assert told["Ranges"] == (0, 29, 0, 58)
    assert [table[:, -1].tolist() for table in told["LUTs"]] == [[0, 0, 255], [0, 255, 0]]
    assert "unit" not in told
    first, second = read_layers(path)
    np.testing.assert_array_equal(second[0], image[..., 1])
    assert [one[1]["colormap"] for one in (first, second)] == ["blue", "green"]


@pytest.mark.parametrize(
    ("image", "stored"),
    [
        (ramp(6, 5) > 9, (ramp(6, 5) > 9) * np.uint8(255)),
        (ramp(6, 5, dtype="float16"), ramp(6, 5, dtype="float32")),
        (np.full((6, 5), np.nan, "float32"), np.full((6, 5), np.nan, "float32")),
        (ramp(6, 5).astype(">u2"), ramp(6, 5)),
    ],
)
def test_other_values_are_kept(tmp_path, image, stored):
    path = write_image(tmp_path / "m.imagej.tif", image)
    np.testing.assert_array_equal(told_by(path)[3], stored, strict=True)


def test_colour_is_colour(tmp_path):
    colour = ramp(6, 5, 3, dtype="uint8")
    path = write_image(tmp_path / "c.imagej.tif", colour, rgb=True)
    told, _, axes, stored = told_by(path)
    assert (axes, "Ranges" in told) == ("YXS", False)
    np.testing.assert_array_equal(stored, colour)


@pytest.mark.parametrize(
    ("image", "rgb", "text"),
    [
        (
            ramp(6, 5, dtype="int16"),
            False,
            "ImageJ TIFF cannot hold int16 as it is; OME-TIFF, TIFF",
        ),
        (ramp(6, 5, dtype="float64"), False, "cannot hold float64"),
        (ramp(6, 5, 3), True, "cannot hold uint16 as it is; OME-TIFF, TIFF, PNG keep it"),
        (ramp(6, 5, 4, dtype="uint8"), True, "no opacity"),
    ],
)
def test_what_imagej_cannot_hold_is_refused(tmp_path, image, rgb, text):
    with pytest.raises(StackFileError, match=text):
        write_image(tmp_path / "m.imagej.tif", image, rgb=rgb)
    with pytest.raises(StackFileError, match=text):
        write_image_layer(tmp_path / "m.imagej.tif", image, {"name": "m", "rgb": rgb})
    assert list(tmp_path.iterdir()) == []


def test_more_than_imagej_can_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(imagej, "MOST_BYTES", 50)
    with pytest.raises(StackFileError, match=r"more than an ImageJ TIFF holds.*\.ome\.tif"):
        write_image(tmp_path / "m.imagej.tif", ramp(6, 5))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("labels", ["tzcyx", "cztyx", "zyx", "yx", "xy"])
def test_layers_are_hyperstacks(tmp_path, labels):
    counts = {"t": 2, "z": 3, "c": 4, "y": 6, "x": 5}
    data = ramp(*(counts[one] for one in labels))
    steps = {"t": 0.5, "z": 2.0, "c": 1.0, "y": 0.5, "x": 0.25}
    units = {"t": "s", "z": "um", "c": "pixel", "y": "um", "x": "um"}
    path = tmp_path / "l.imagej.tif"
    attributes = {
        "name": "cells",
        "axis_labels": tuple(labels),
        "scale": tuple(steps[one] for one in labels),
        "units": tuple(units[one] for one in labels),
        "contrast_limits": (3, 40),
        "metadata": {"umis_fusion": OURS},
    }
    assert write_image_layer(path, data, attributes) == [str(path)]
    told, sizes, axes, stored = told_by(path)
    order = [labels.index(one) for one in "tzcyx" if one in labels]
    np.testing.assert_array_equal(stored, data.transpose(order))
    assert axes == "".join(one for one in "TZCYX" if one.lower() in labels)
    assert sizes == pytest.approx((0.25, 0.5))
    assert (told["unit"], told["spacing"] if "z" in labels else 2) == ("micron", 2)
    assert (told["finterval"] if "t" in labels else 0.5) == 0.5
    assert told["Ranges"] == (3, 40) * (4 if "c" in labels else 1)
    assert set(told["Labels"]) == {"cells"}
    assert all(one[1]["metadata"]["umis_fusion"] == OURS for one in read_layers(path))


def test_several_layers_need_ome(tmp_path):
    layers = [(ramp(6, 5), {"name": name}, "image") for name in "ab"]
    with pytest.raises(StackFileError, match=r"several layers need an OME-TIFF.*\.ome\.tif"):
        write_series(tmp_path / "s.imagej.tif", layers)


def test_own_files_are_known_among_planes(tmp_path):
    for z in range(3):
        write_image(tmp_path / f"z{z}.tif", ramp(6, 5))
    write_image(tmp_path / "z3.imagej.tif", ramp(6, 5), provenance=OURS)
    with pytest.warns(UserWarning, match=r"made by this program: z3\.imagej\.tif"):
        ((data, _, _),) = read_layers(tmp_path)
    assert len(data) == 3
