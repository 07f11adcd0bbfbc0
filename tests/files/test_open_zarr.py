"""Images of OME-Zarr, opened as any other stack."""

import numpy as np
import pytest

from napari_umis_fusion import open_stack, read_layers
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import zarr_kind
from zarr_file import written

zarr = pytest.importorskip("zarr")
pytest.importorskip("yaozarrs")

DATA = np.random.default_rng(0).integers(0, 4000, (2, 3, 4, 12, 15)).astype("uint16")
NAMES = {"omero": {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP"}]}}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_channels_sizes_names_and_colours(tmp_path, version):
    path = written(tmp_path / "cells.zarr", DATA[0], "czyx", version=version, **NAMES)
    stack = open_stack(path)
    assert stack.shape == (4, 12, 15, 3)
    np.testing.assert_array_equal(stack.plane(2), np.moveaxis(DATA[0][:, 2], 0, -1))
    part = stack.region(1, slice(3, 7), slice(2, 5))
    np.testing.assert_array_equal(part, np.moveaxis(DATA[0][:, 1, 3:7, 2:5], 0, -1))
    assert stack.calibration.z_step_um == pytest.approx(0.5)
    assert stack.calibration.pixel_width_um == pytest.approx(0.2)
    assert not stack.rgb
    one = open_stack(path, index={"C": 1})
    np.testing.assert_array_equal(one.plane(3), DATA[0][1, 3])
    assert (one.channel_names, one.channel_colours) == (("GFP",), (None,))


def test_a_time_point_is_chosen_and_time_can_be_z(tmp_path):
    path = written(tmp_path / "film", DATA, "tczyx")
    with pytest.raises(StackFileError, match=r'film: axes are T \(2\).*index=\{"T": 0\}'):
        open_stack(path)
    chosen = open_stack(path, index={"T": 1, "C": 0})
    np.testing.assert_array_equal(chosen.plane(0), DATA[1, 0, 0])
    other = open_stack(path, z_axis="time", index={"Z": 2, "C": 1})
    assert other.calibration.z_step_um is None
    np.testing.assert_array_equal(other.plane(1), DATA[1, 1, 2])


def test_steps_that_fall_are_taken_as_positive_and_noted(tmp_path):
    stack = open_stack(written(tmp_path / "a.zarr", DATA[0, 0], "zyx", scale={"z": -500.0}))
    assert stack.calibration.z_step_um == pytest.approx(0.5)
    assert "negative" in stack.source_notes[0]


def test_layers_are_those_of_the_reader(tmp_path):
    path = written(tmp_path / "cells.zarr", DATA[0], "czyx", **NAMES)
    layers = read_layers(path)
    assert [attributes["name"] for _, attributes, _ in layers][:2] == ["cells DAPI", "cells GFP"]
    with pytest.raises(StackFileError, match="Leave them out"):
        read_layers(path, index={"C": 0})


def test_names_of_folders_may_hold_anything(tmp_path):
    path = written(tmp_path / "a b%20c ä#.zarr", DATA[0, 0], "zyx")
    np.testing.assert_array_equal(open_stack(path).plane(2), DATA[0, 0][2])
    ((array, _, _),) = read_layers(path)
    np.testing.assert_array_equal(np.asarray(array), DATA[0, 0])


def test_what_is_no_image_says_what_to_do(tmp_path):
    bare = tmp_path / "bare.zarr"
    zarr.create_array(str(bare), data=DATA[0, 0])
    with pytest.raises(StackFileError, match="cannot be opened as OME-Zarr"):
        open_stack(bare)
    written(tmp_path / "set.zarr" / "0", DATA[0, 0], "zyx")
    group = zarr.open_group(str(tmp_path / "set.zarr"), mode="a", zarr_format=2)
    group.attrs.update({"bioformats2raw.layout": 3})
    assert open_stack(tmp_path / "set.zarr").shape == (4, 12, 15)  # its only image
    assert zarr_kind(tmp_path / "set.zarr") == "image"
    assert [one["name"] for _, one, _ in read_layers(tmp_path / "set.zarr")] == ["set"]
    written(tmp_path / "set.zarr" / "1", DATA[1, 0], "zyx")
    with pytest.raises(StackFileError, match=r"2 images \(0, 1\).*such as .*set\.zarr/0,"):
        open_stack(tmp_path / "set.zarr")
    assert open_stack(tmp_path / "set.zarr" / "1").shape == (4, 12, 15)
    assert zarr_kind(tmp_path / "set.zarr") == "images"
    names = [one["name"] for _, one, _ in read_layers(tmp_path / "set.zarr")]
    assert names == ["set 0", "set 1"]
    zarr.open_group(str(tmp_path / "empty.zarr"), mode="w")
    with pytest.raises(StackFileError, match="holds no image of OME-Zarr that is understood"):
        open_stack(tmp_path / "empty.zarr")
    flat = written(tmp_path / "flat.zarr", DATA[0, 0], ("depth", "height", "width"))
    with pytest.raises(StackFileError, match="got axes depth, height, width; accepted"):
        open_stack(flat)
    wrong = written(tmp_path / "wrong.zarr", DATA[0], "zyx")
    with pytest.raises(StackFileError, match="with 3 axes, z, y, x, but its array has 4"):
        open_stack(wrong)
