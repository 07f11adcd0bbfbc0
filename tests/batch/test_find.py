"""Stacks are found in folders, and told apart."""

import errno
import os
import random
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from lif_file import write_lif
from napari_umis_fusion.batch import BatchOptions, find_stacks
from napari_umis_fusion.errors import ConfigError, StackFileError
from zarr_file import written


def names_of(found):
    return {one.name: [path.name for path in one.files] for one in found.stacks}


def left_out(found):
    return {one.path.name: one.reason for one in found.left_out}


def test_each_folder_and_each_file_of_planes_is_a_stack(tmp_path, put, planes):
    put(tmp_path / "in", "z{z}.tif")
    put(tmp_path / "in" / "deep" / "er", "img{z}.png.tif")
    tifffile.imwrite(tmp_path / "in" / "own.ome.tif", planes, metadata={"axes": "ZYX"})
    found = names_of(find_stacks(tmp_path / "in"))
    assert list(found) == ["in", "own", "deep/er"]
    assert found["in"] == ["z0.tif", "z1.tif", "z2.tif", "z3.tif"]


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (("beetle_z{z}.tif", "moss_z{z}.tif"), {"beetle": 4, "moss": 4}),
        (("beetle 1 {z}.tif", "beetle 2 {z}.tif"), {"beetle 1": 4, "beetle 2": 4}),
        (("leaf{z}.tif", "leaf of oak{z}.tif", "moss_{z}.tif"), 3),
        (("s1_ch0_z{z}.tif", "s1_ch1_z{z}.tif", "s2_ch0_z{z}.tif", "s2_ch1_z{z}.tif"), [8, 8]),
        (("x_t000_z{z}.tif", "x_t001_z{z}.tif"), {"x_t000": 4, "x_t001": 4}),
        (("img_z{z}.tif", "img_z{z}_mask.tif"), {"img": 4, "img_mask": 4}),
    ],
)
def test_names_tell_the_stacks_of_a_folder_apart(tmp_path, put, patterns, wanted):
    for number, pattern in enumerate(patterns):
        put(tmp_path, pattern, darker=number)  # of the same bytes they were copies
    found = names_of(find_stacks(tmp_path))
    sizes = {name: len(files) for name, files in found.items()}
    if isinstance(wanted, dict):
        assert sizes == wanted
    else:
        assert list(sizes.values()) == (wanted if isinstance(wanted, list) else [4] * wanted)
    for files in found.values():
        assert [
            name for z in range(4) for name in files if re.search(f"{z}(_mask)?.tif", name)
        ] == files


def test_planes_in_folders_that_count_them_are_one_stack(tmp_path, put):
    for z in range(3):
        put(tmp_path / "in" / f"ZStep_{z}", "w1.tif", 1)
        put(tmp_path / "in2" / f"slide{z}", "a{z}.tif")
    assert {k: len(v) for k, v in names_of(find_stacks(tmp_path)).items()} == {
        "in": 3,
        "in2/slide0": 4,
        "in2/slide1": 4,
        "in2/slide2": 4,
    }


def test_a_folder_that_may_not_be_read_hides_no_other(tmp_path, put, monkeypatch):
    put(tmp_path / "in", "a{z}.tif")
    locked = tmp_path / "in" / "lost+found"  # as the topmost folder of a disk has
    locked.mkdir()
    look_up, list_folder = os.stat, os.listdir

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def stat(path, **options):
        is_locked = not isinstance(path, int) and locked in Path(path).parents  # not open already
        return refuse(path) if is_locked else look_up(path, **options)

    def listdir(path):
        return refuse(path) if Path(path) == locked else list_folder(path)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "listdir", listdir)
    found = find_stacks(tmp_path / "in")
    assert [len(one.files) for one in found.stacks] == [4]
    (left_out,) = found.left_out
    assert (left_out.path, left_out.reason) == (locked, "cannot be read (Permission denied)")


def test_a_number_of_planes_tells_stacks_apart(tmp_path, put):
    put(tmp_path, "IMG_{z}.tif")
    put(tmp_path, "IMG_1{z}.tif", 1)
    found = find_stacks(tmp_path, BatchOptions(group_by="count", planes=2))
    assert list(names_of(found)) == ["IMG_0_to_IMG_1", "IMG_2_to_IMG_3"]
    assert "a stack has 2 planes" in left_out(found)["IMG_10.tif"]


@pytest.mark.parametrize("camera", [False, True])
def test_a_pause_tells_stacks_apart(tmp_path, camera, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # mosaics exceed it
    for k, second in enumerate((0, 1, 2, 30, 31)):
        path = tmp_path / f"IMG_{k}.jpg"
        image = Image.fromarray(np.full((20, 30), 40 * k, np.uint8))
        exif = Image.Exif()
        if camera:
            exif[0x0132] = f"2024:01:01 10:00:{second:02d}"
        image.save(path, exif=exif)
        os.utime(path, (1e9, 1e9 + (0 if camera else second)))
    found = find_stacks(tmp_path, BatchOptions(group_by="time", gap_s=5))
    assert list(names_of(found)) == ["IMG_0_to_IMG_2", "IMG_3_to_IMG_4"]
    assert ("the camera" in found.stacks[0].notes[0]) == camera


def test_time_points_and_series_of_a_file_are_stacks(tmp_path, planes):
    tifffile.imwrite(tmp_path / "t.ome.tif", np.stack([planes] * 2), metadata={"axes": "TZYX"})
    with tifffile.TiffWriter(tmp_path / "s.ome.tif") as tif:
        for _ in range(2):
            tif.write(planes, metadata={"axes": "ZYX"})
    found = find_stacks(tmp_path)
    assert [one.name for one in found.stacks] == ["s_series0", "s_series1", "t_T0", "t_T1"]
    assert all(len(one.open()) == 4 for one in found.stacks)


def test_words_do_not_count_planes(tmp_path, put):
    for name in ("top", "middle", "bottom"):
        put(tmp_path, f"{name}.tif", 1)
    found = find_stacks(tmp_path)
    assert names_of(found) == {}
    assert all("no number in their names counts planes" in why for why in left_out(found).values())
    by_count = find_stacks(tmp_path, BatchOptions(group_by="count", planes=3))
    assert len(by_count.stacks) == 1


def test_an_axis_is_z_only_where_nothing_else_is(tmp_path, put, planes):
    tifffile.imwrite(tmp_path / "sweep.ome.tif", planes, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "both.ome.tif", np.stack([planes] * 2), metadata={"axes": "TZYX"})
    put(tmp_path / "folder", "img_t{z}.tif")
    assert [one.name for one in find_stacks(tmp_path).stacks] == ["both_T0", "both_T1"]
    found = find_stacks(tmp_path, BatchOptions(z_axis="T"))
    assert [one.name for one in found.stacks] == ["both_T0", "both_T1", "sweep", "folder"]
    for one in found.stacks:
        np.testing.assert_array_equal(one.open().plane(2), planes[2])


def test_a_stack_behind_an_overview_is_found(tmp_path, planes):
    with tifffile.TiffWriter(tmp_path / "scan.ome.tif") as tif:
        tif.write(planes[0, ::2, ::2], metadata={"axes": "YX"})
        tif.write(planes, metadata={"axes": "ZYX"})
    (found,) = find_stacks(tmp_path).stacks
    assert len(found.open()) == 4


def test_what_is_no_plane_is_left_out_with_a_reason(tmp_path, put, planes):
    put(tmp_path / "in", "p{z}.tif")
    folder = tmp_path / "in"
    (folder / "p2.tif").write_bytes(b"II*\0no")
    tifffile.imwrite(folder / "p7.tif", planes[0, :20])
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.tif").write_bytes(b"x")
    (folder / "dead.tif").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.tif")
    put(folder / "alone", "only.tif", 1)
    (folder / "store.zarr").mkdir()
    (folder / "loop").symlink_to(folder)
    found = find_stacks(folder)
    assert names_of(found) == {"in": ["p0.tif", "p1.tif", "p3.tif"]}
    assert sorted(left_out(found)) == [
        *("dead.tif", "loop", "notes.txt", "only.tif", "p2.tif", "p7.tif"),
        *("pipe.tif", "store.zarr"),
    ]
    assert "unlike most" in left_out(found)["p7.tif"]
    assert any("skip z 2" in note for note in found.stacks[0].notes)


def test_stacks_in_the_folder_of_results_are_told(tmp_path, put):
    put(tmp_path / "in", "z{z}.tif")
    put(tmp_path / "in" / "sub", "z{z}.tif")
    found = find_stacks(tmp_path / "in", output=tmp_path / "in" / "sub")
    assert list(names_of(found)) == ["in"]
    assert "in which no stacks are looked for" in left_out(found)["sub"]
    (tmp_path / "in" / "empty").mkdir()
    assert not left_out(find_stacks(tmp_path / "in", output=tmp_path / "in" / "empty"))


def test_names_of_results_never_collide(tmp_path, put):
    put(tmp_path / "a" / "in", "z{z}.tif")
    put(tmp_path / "b" / "in", "z{z}.tif")
    put(tmp_path / "b" / "IN_depth", "z{z}.tif")
    found = find_stacks([tmp_path / "a" / "in", tmp_path / "b" / "in", tmp_path / "b" / "IN_depth"])
    assert [one.name for one in found.stacks] == ["in", "in_2", "IN_depth_2"]


def test_paths_upwards_do_not_lead_out_of_the_results(tmp_path, put, monkeypatch):
    put(tmp_path / "top", "z{z}.tif")
    (tmp_path / "top" / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "top" / "inner")
    for source in ("..", "../z*.tif", "../../top/."):
        assert list(names_of(find_stacks(source))) == ["top"]


def test_patterns_choose_inputs_and_files(tmp_path, put):
    put(tmp_path / "a", "red_z{z}.tif")
    put(tmp_path / "a", "green_z{z}.tif")
    put(tmp_path / "b", "red_z{z}.tif")
    wanted = BatchOptions(pattern="red*")
    assert list(names_of(find_stacks(str(tmp_path / "?"), wanted))) == ["a", "b"]
    one = find_stacks([tmp_path / "a" / f"red_z{z}.tif" for z in (2, 0, 1)])
    assert names_of(one) == {"a": ["red_z0.tif", "red_z1.tif", "red_z2.tif"]}
    with pytest.raises(ConfigError, match="no such file or folder"):
        find_stacks(tmp_path / "gone")


def test_options_are_checked():
    with pytest.raises(ConfigError, match="positive number"):
        BatchOptions(z_step_um=-1.0)
    with pytest.raises(ConfigError, match="accepted are names, count, time"):
        BatchOptions(group_by="size")
    with pytest.raises(ConfigError, match="accepted is a text"):
        BatchOptions(pattern="")


SCHEMES = (
    *("a_z{}", "b z{}um", "IMG_{:04}", "s1_ch{}", "x_t{:03}", "leaf front {}", "{}", "pos{}_z3"),
    *("w1_z{}", "w2_z{}", "GFP_{}", "word{}word", "z{}", "top", "Name (1) {}", "20240101_{}"),
)


def a_group(folder, **attributes):
    pytest.importorskip("zarr").open_group(str(folder), mode="a", zarr_format=2).attrs.update(
        attributes
    )


def test_images_and_plates_of_ome_zarr_are_stacks(tmp_path, planes):
    pytest.importorskip("yaozarrs")
    written(tmp_path / "day" / "leaf.ome.zarr", planes, "zyx")
    written(tmp_path / "film", np.stack([planes, planes]), "tzyx")
    written(tmp_path / "flat.zarr", planes[0], "yx")
    for name in ("one", "two"):
        a_group(tmp_path / f"{name}.zarr", **{"bioformats2raw.layout": 3})
        for image in range(1 + (name == "two")):
            written(tmp_path / f"{name}.zarr" / str(image), planes, "zyx")
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": 0}]
    named = {"rows": [{"name": "A"}], "columns": [{"name": "1"}], "wells": wells}
    a_group(tmp_path / "screen.zarr", plate={"version": "0.4", **named})
    a_group(tmp_path / "screen.zarr" / "A" / "1", well={"images": [{"path": "0"}, {"path": "1"}]})
    for image in "01":
        written(tmp_path / "screen.zarr" / "A" / "1" / image, planes, "zyx")
    (tmp_path / "bare.zarr").mkdir()
    found = find_stacks(tmp_path)
    assert [one.name for one in found.stacks] == [
        *("film_T0", "film_T1", "one", "screen/A1_0", "screen/A1_1", "two_0", "two_1"),
        "day/leaf",
    ]
    assert {one.open().shape for one in found.stacks} == {planes.shape}
    told = left_out(found)
    assert told["flat.zarr"] == "is one plane alone, not a stack"
    assert told["bare.zarr"].startswith("holds no image or plate of OME-Zarr")
    (alone,) = find_stacks(tmp_path / "one.zarr").stacks
    assert alone.name == "one"


def test_scenes_of_a_microscope_program_are_stacks(tmp_path):
    pytest.importorskip("bioio_lif")
    scenes = {
        "a": ("TZYX", np.zeros((2, 3, 8, 9), np.uint8)),
        "b": ("ZYX", np.zeros((2, 8, 9), np.uint8)),
    }
    write_lif(tmp_path / "cells.lif", **scenes)
    (tmp_path / "broken.lif").write_bytes(b"no image")
    found = find_stacks(tmp_path)
    names = ["cells_series0_T0", "cells_series0_T1", "cells_series1"]
    assert [one.name for one in found.stacks] == names
    assert found.stacks[1].open().shape == (3, 8, 9)
    (broken,) = found.left_out
    assert broken.path.name == "broken.lif"


def scatter(folder, chance):
    """Write images under names of random schemes, some of another size, some broken."""
    for inner in ("", "sub", "sub/deep"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
        for scheme in chance.sample(SCHEMES, chance.randint(0, 4)):
            for number in range(chance.randint(1, 4)):
                path = folder / inner / f"{scheme.format(number)}.png"
                side = chance.choice((20, 20, 20, 20, 24))
                values = np.full((side, 20), 10 * number, np.uint8)
                Image.fromarray(values).save(path)
                if chance.random() < 0.05:
                    path.write_bytes(b"broken")


def test_a_stack_of_two_kinds_is_told_before_it_is_fused(tmp_path):
    for z in range(4):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.zeros((5, 6), np.uint8 if z < 2 else np.uint16))
    (stack,) = find_stacks(tmp_path).stacks
    (note,) = stack.notes
    assert note.startswith("its files differ, so that it cannot be fused: 2 of 5 × 6 uint8, 2 of")


def test_planes_that_cannot_be_read_are_told_by_the_stack_that_lacks_them(tmp_path):
    for z in range(4):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.zeros((5, 6), np.uint8))
    (tmp_path / "z4.tif").write_bytes(b"")
    (tmp_path / "z5.tif").write_bytes((tmp_path / "z3.tif").read_bytes()[:-9])
    (tmp_path / "z6.csv").write_text("no plane")
    found = find_stacks(tmp_path)
    assert len(found.left_out) == 3
    told = "left out: z4.tif, z5.tif, named like its planes, which cannot be read"
    assert found.stacks[0].notes == (told,)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("by", ["names", "count", "time"])
def test_each_file_is_in_one_stack_or_left_out(tmp_path, seed, by):
    scatter(tmp_path, random.Random(seed))
    found = find_stacks(tmp_path, BatchOptions(group_by=by, planes=3))
    placed = [path for one in found.stacks for path in one.files]
    placed += [one.path for one in found.left_out]
    assert sorted(placed) == sorted(tmp_path.rglob("*.png"))
    names = [one.name.casefold() for one in found.stacks]
    assert len(set(names)) == len(names)
    for one in found.stacks:
        # Two planes of two sizes, or channels that a group by count cuts apart, are told by name.
        with suppress(StackFileError):
            assert len(one.open()) > 1
