"""Folders whose names count along several axes, as stacks and as layers."""

import itertools
import os

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import describe_file, open_stack, read_layers
from napari_umis_fusion.presets import told_preset
from napari_umis_fusion.stack import Calibration
from napari_umis_fusion.synthetic import make_stack


def fill(folder, pattern, skip=(), suffix=".tif", **values):
    """Write a plane for each combination of values; each pixel tells its place."""
    shape = tuple(len(one) for one in values.values())
    data = np.arange(np.prod(shape) * 30, dtype=np.uint16).reshape(*shape, 6, 5)
    for place in itertools.product(*map(range, shape)):
        if place in skip:
            continue
        entry = {key: one[k] for (key, one), k in zip(values.items(), place, strict=True)}
        path = folder / (pattern.format(**entry) + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, data[place], metadata=None)
    return data


def planes(stack):
    return np.stack(list(stack))


def quiet(source):
    with pytest.warns(UserWarning, match="shown blank"):
        return read_layers(source)


def test_channels_become_the_last_axis_and_layers(tmp_path):
    data = fill(tmp_path, "P_z{z:02}_ch{c:02}", z=range(4), c=range(2))
    stack = open_stack(tmp_path)
    assert stack.channel_names == ("ch00", "ch01")
    np.testing.assert_array_equal(planes(stack), np.moveaxis(data, 1, -1), strict=True)
    second = open_stack(tmp_path, index={"C": 1})
    np.testing.assert_array_equal(planes(second), data[:, 1], strict=True)
    layers = read_layers(tmp_path)
    assert [attributes["name"] for _, attributes, _ in layers] == [
        f"{tmp_path.name} ch00",
        f"{tmp_path.name} ch01",
    ]
    for k, (array, attributes, _) in enumerate(layers):
        np.testing.assert_array_equal(array, data[:, k], strict=True)
        assert attributes["axis_labels"] == ("z", "y", "x")
        assert attributes["metadata"]["umis_fusion_file"]["index"] == {"C": k}


def test_times_and_positions_are_selected(tmp_path):
    data = fill(tmp_path, "t{t:03}_p{p}_z{z}", t=range(3), p=range(2), z=range(4))
    with pytest.raises(StackFileError, match=r"P \(2: 0 is p0, 1 is p1\), T \(3: .*--index T=0"):
        open_stack(tmp_path)
    stack = open_stack(tmp_path, index={"time": 2, "P": 1})
    np.testing.assert_array_equal(planes(stack), data[2, 1], strict=True)
    over_time = open_stack(tmp_path, z_axis="T", index={"P": 0, "Z": 3})
    np.testing.assert_array_equal(planes(over_time), data[:, 0, 3], strict=True)
    assert over_time.calibration == Calibration()
    with pytest.raises(StackFileError, match=r"index T=3 is outside 0 to 2"):
        open_stack(tmp_path, index={"T": 3, "P": 0})
    ((array, attributes, _),) = read_layers(tmp_path)
    np.testing.assert_array_equal(array, np.swapaxes(data, 0, 1), strict=True)
    assert attributes["axis_labels"] == ("p", "t", "z", "y", "x")


@pytest.mark.parametrize("pattern", ["a_ch{k}", "A01_w{k}", "t{k:03}", "site {k}", "DAPI_{k}ms"])
def test_without_z_a_folder_is_refused(tmp_path, pattern):
    data = fill(tmp_path, pattern, k=range(4))
    with pytest.raises(StackFileError, match="none is Z, and no other is used as z by default"):
        open_stack(tmp_path)
    letter = next(iter(describe_file(tmp_path)["names"]))
    np.testing.assert_array_equal(planes(open_stack(tmp_path, z_axis=letter)), data)
    assert open_stack(tmp_path, index={letter: 2}).plane(0)[0, 0] == data[2, 0, 0]


def test_folders_of_folders(tmp_path):
    data = fill(tmp_path, "TimePoint_{t}/ZStep_{z}/E07_w{c}", t=(1, 2), z=(1, 2, 3), c=(1, 2))
    stack = open_stack(tmp_path, index={"T": 1})
    np.testing.assert_array_equal(planes(stack), np.moveaxis(data[1], 1, -1), strict=True)
    assert len(open_stack(tmp_path / "TimePoint_1")) == 3


def test_one_file_for_each_position(tmp_path):
    """Each file is a stack of its own: the index selects one of them."""
    stacks = np.arange(3 * 4 * 6 * 5, dtype=np.uint16).reshape(3, 4, 6, 5)
    for well, stack in zip(("A01", "A02", "B01"), stacks, strict=True):
        tifffile.imwrite(tmp_path / f"{well}.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(StackFileError, match=r"P \(3: 0 is A01, 1 is A02, 2 is B01\).*--index P=0"):
        open_stack(tmp_path)
    np.testing.assert_array_equal(planes(open_stack(tmp_path, index={"P": 2})), stacks[2])
    told = describe_file(tmp_path)
    assert told["kind"] == "folder of stacks"
    assert told["names"]["P"]["entries"] == ["A01", "A02", "B01"]
    assert "--index P=0" in told["choose"]
    with pytest.raises(StackFileError, match=r"A01\.tif: holds 4 planes; .*Open this file alone"):
        read_layers(tmp_path)


def test_gaps_are_named(tmp_path):
    lost = [(1, 2, 0), (1, 2, 1), (0, 3, 1)]
    data = fill(tmp_path, "t{t}_z{z}_c{c}", lost, t=range(2), z=range(4), c=range(2))
    stack = open_stack(tmp_path, index={"T": 1})
    np.testing.assert_array_equal(planes(stack), np.moveaxis(data[1], 1, -1)[[0, 1, 3]])
    assert stack.source_notes[0].startswith("Z 2 is missing at T=1 (the acquisition stopped")
    with pytest.raises(StackFileError, match=r"C=1 misses Z 3 .*\(--index C=0\)"):
        open_stack(tmp_path, index={"T": 0})
    assert len(open_stack(tmp_path, index={"T": 0, "C": 1})) == 3
    for k, (array, made, _) in enumerate(quiet(tmp_path)):
        absent = made["metadata"]["umis_fusion_file"]["absent"]
        assert absent == [[t, z] for t, z, c in sorted(lost) if c == k]
        assert (array[1, 2] == 0).all()
        np.testing.assert_array_equal(array[1, 3], data[1, 3, k])


@pytest.mark.parametrize(
    ("entries", "positions", "step"),
    [
        ((-10, -5, 0, 5), None, 5.0),
        (("0", "0,5", "1,25", "3"), (0, 0.5, 1.25, 3), 1.0),
        (("+2", "-1", "0"), (0, 1, 3), 1.5),
    ],
)
def test_units_in_names_make_the_depth(tmp_path, entries, positions, step):
    fill(tmp_path, "b_z{z}um", z=entries)
    sizes = open_stack(tmp_path).calibration
    assert sizes.z_step_um == step
    assert sizes.z_positions_um == (None if positions is None else pytest.approx(positions))


def test_depth_follows_uneven_positions(tmp_path):
    rendered = make_stack("bumps", (48, 64), planes=4)
    entries = ("-1", "0", "0.5", "4")
    for name, plane in zip(entries, rendered.stack, strict=True):
        Image.fromarray(np.asarray(plane)).save(tmp_path / f"z{name}um.png")
    options = {"focus_measure": "laplacian", "verification": "none"}
    result = fuse(tmp_path, **options)
    assert any("depths follow the positions" in note for note in result.notes)
    places = np.array([0, 1, 1.5, 5])
    wanted = np.interp(result.sub_plane_map, range(4), places)
    np.testing.assert_allclose(result.depth_map(), wanted, atol=1e-5)
    np.testing.assert_allclose(result.depth_map(2.0), result.sub_plane_map * 2, atol=1e-5)


def test_what_a_folder_holds_is_described(tmp_path):
    fill(tmp_path, "t{t}_z{z}um_ch{c}", t=range(2), z=("0", "1", "4"), c=range(2))
    told = describe_file(tmp_path)
    assert (told["axes"], told["shape"]) == ("TCZYX", [2, 2, 3, 6, 5])
    assert told["names"]["T"] == {"counts": "time", "entries": ["t0", "t1"]}
    assert told["names"]["Z"]["entries"] == ["z0um", "z1um", "z4um"]
    assert told["z_positions_um"] == [0, 1, 4]
    assert "--index T=0" in told["choose"]


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    fill(tmp_path, "z{z}", z=range(3))
    os.symlink(tmp_path / "gone.tif", tmp_path / "z3.tif")
    with pytest.raises(StackFileError, match=r"z3\.tif: is a link to .*gone\.tif, which does not"):
        open_stack(tmp_path)


@pytest.mark.parametrize("pattern", ["*.tif", "z*", "z[0-1].tif"])
def test_brackets_in_the_name_of_a_folder(tmp_path, pattern):
    folder = tmp_path / "cells [1]"
    fill(folder, "z{z}", z=range(2))
    assert len(open_stack(f"{folder}/{pattern}")) == 2
    with pytest.raises(StackFileError, match=r"no image matches.*write \[\[\] for \["):
        open_stack(f"{tmp_path}/cells [2]/*.tif")


def test_planes_of_one_page_tell_how_they_were_taken(tmp_path):
    for z, c in itertools.product(range(3), range(2)):
        channel = {"Name": "wide", "ContrastMethod": ("Phase", "Fluorescence")[c]}
        path = tmp_path / f"z{z}_ch{c}.ome.tif"
        tifffile.imwrite(path, np.zeros((6, 5), "u1"), metadata={"axes": "YX", "Channel": channel})
    stack = open_stack(tmp_path)
    assert [one.contrast_method for one in stack.optics] == ["Phase", "Fluorescence"]
    (alone,) = open_stack(tmp_path, index={"C": 0}).optics
    assert alone.contrast_method == "Phase"
    told = [told["metadata"]["umis_fusion_file"]["optics"] for _, told, _ in read_layers(tmp_path)]
    assert [one[0]["contrast_method"] for one in told] == ["Phase", "Fluorescence"]


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_photographs_tell_their_lens(tmp_path, kind):
    exif, developed = Image.Exif(), ImageFileDirectory_v2()
    exif.get_ifd(0x8769)[0xA434] = "MP-E65mm f/2.8 1-5x Macro Photo"
    developed[0x8769] = dict(exif.get_ifd(0x8769))
    options = {"exif": exif} if kind == "jpg" else {"tiffinfo": developed}
    for z in range(2):
        Image.new("RGB", (7, 6)).save(tmp_path / f"DSC_{z:04}.{kind}", **options)
    (found,) = open_stack(tmp_path).optics
    assert told_preset([found]).preset.name == "macro"
    (layer,) = read_layers(tmp_path)
    assert layer[1]["metadata"]["umis_fusion_file"]["optics"] == [{"lens": found.lens}]


def test_colour_files_whose_names_count_channels_are_selected_by_channel(tmp_path):
    data = np.random.default_rng(3).integers(0, 256, (2, 3, 6, 5, 3), np.uint8)
    for c, z in np.ndindex(2, 3):
        Image.fromarray(data[c, z]).save(tmp_path / f"z{z}_c{c}.png")
    with pytest.raises(StackFileError, match=r"each file holds colour\. .* \(--index C=0\)"):
        open_stack(tmp_path)
    assert "--index C=0" in describe_file(tmp_path)["choose"]
    np.testing.assert_array_equal(planes(open_stack(tmp_path, index={"C": 1})), data[1])
