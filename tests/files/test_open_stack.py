import random
import re

import numpy as np
import pytest
import tifffile
from natsort import natsorted, ns
from PIL import Image, ImageCms

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import (
    can_read,
    describe_file,
    list_files,
    open_stack,
    read_layers,
)
from napari_umis_fusion.stack import Calibration


def write(path, data, **options):
    if ".tif" in path.name:
        tifffile.imwrite(path, data, **({"photometric": "minisblack"} | options))
    else:
        Image.fromarray(data).save(path)


def plane(value, *shape, dtype="uint8"):
    return np.full(shape or (6, 5), value, dtype)


@pytest.fixture
def folder(tmp_path):
    """Planes 0 to 11, named without leading zeros, amid what is no plane."""
    for z in range(12):
        write(tmp_path / f"f{z}.png", plane(z))
    write(tmp_path / ".f3.png", plane(99))
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "Thumbs.db").write_bytes(b"nothing")
    (tmp_path / "f5.png.d").mkdir()
    write(tmp_path / "f5.png.d" / "f5.png", plane(99))
    return tmp_path


@pytest.mark.parametrize("source", ["", "*.png", "f*", "f?*.png"])
def test_folders_and_globs_come_in_natural_order(folder, source):
    stack = open_stack(folder / source if source else folder)
    assert [int(each[0, 0]) for each in stack] == list(range(12))
    assert stack.shape[1:] == (6, 5)
    assert stack.sources[:2] == (str(folder / "f0.png"), str(folder / "f1.png"))


@pytest.mark.parametrize("seed", range(8))
def test_names_alike_but_for_their_digits_come_in_natural_order_too(tmp_path, seed):
    """They are sorted by a shorter way, which is to give the same order."""
    rng = random.Random(seed)
    shape = "".join(rng.choice(["0", "0", "a", "B", "_", " ", "-"]) for _ in range(8)) + "0.tif"
    for _ in range(20):
        name = "".join(rng.choice("0123456789") if one == "0" else one for one in shape)
        (tmp_path / name).touch()
    paths = list_files(tmp_path)
    assert paths == natsorted(tmp_path.iterdir(), key=str, alg=ns.PATH | ns.IGNORECASE)


def test_a_glob_that_finds_one_plane_twice_is_refused(folder):
    with pytest.raises(StackFileError, match=r"f5\.png: has the same numbers .* as f5\.png"):
        open_stack(folder / "**/f*.png")


def test_a_list_keeps_its_order_and_may_hold_globs(folder):
    stack = open_stack([folder / "f7.png", str(folder / "f1?.png"), folder / "f2.png"])
    assert [int(each[0, 0]) for each in stack] == [7, 10, 11, 2]


def test_suffixes_in_capitals(tmp_path):
    for name in ("a.PNG", "b.JPG", "c.TIFF"):
        write(tmp_path / name.lower(), plane(7))
        (tmp_path / name.lower()).rename(tmp_path / name)
    assert open_stack(tmp_path).shape == (3, 6, 5)


def test_an_existing_name_is_no_glob(tmp_path):
    write(tmp_path / "f[1].png", plane(5))
    write(tmp_path / "f1.png", plane(6))
    assert open_stack(tmp_path / "f[1].png").plane(0)[0, 0] == 5


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".bmp", ".webp"])
def test_planes_of_each_format(tmp_path, suffix):
    for z in range(3):
        write(tmp_path / f"{z}{suffix}", plane(80 * z, 6, 5, 3))
    if suffix == ".tif":
        for z in range(3):
            write(tmp_path / f"{z}{suffix}", plane(80 * z, 6, 5, 3), photometric="rgb")
    stack = open_stack(tmp_path)
    assert (stack.shape, stack.dtype, stack.rgb) == ((3, 6, 5, 3), np.uint8, True)
    assert np.abs(stack.plane(2).astype(int) - 160).max() <= 2
    assert stack.region(2, slice(1, 3), slice(0, 4)).shape == (2, 4, 3)


def test_deep_colour_png(tmp_path):
    import imagecodecs

    data = np.arange(2 * 6 * 5 * 3, dtype=np.uint16).reshape(2, 6, 5, 3) * 300
    for z in range(2):
        (tmp_path / f"{z}.png").write_bytes(imagecodecs.png_encode(data[z]))
    np.testing.assert_array_equal(np.stack(list(open_stack(tmp_path))), data, strict=True)


def test_tiff_planes_with_channels_and_sizes(tmp_path):
    data = np.arange(3 * 2 * 6 * 5, dtype=np.uint16).reshape(3, 2, 6, 5)
    for z in range(3):
        metadata = {"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
        write(tmp_path / f"{z}.ome.tif", data[z], metadata=metadata)
    stack = open_stack(tmp_path)
    assert (stack.rgb, stack.calibration) == (False, Calibration(None, 0.25, 0.5))
    np.testing.assert_array_equal(np.stack(list(stack)), np.moveaxis(data, 1, -1), strict=True)
    second = open_stack(tmp_path, index={"C": 1})
    np.testing.assert_array_equal(np.stack(list(second)), data[:, 1], strict=True)


def test_files_of_an_ome_set_stand_for_themselves(tmp_path):
    """One plane per file, each header naming all: the folder is the stack."""
    ids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{z}" for z in range(3)]
    blocks = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="s{z}.ome.tif">{ids[z]}</UUID></TiffData>'
        for z in range(3)
    )
    for z in range(3):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[z]}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" '
            'SizeX="5" SizeY="6" SizeZ="3" SizeC="1" SizeT="1"><Channel ID="Channel:0:0"/>'
            f"{blocks}</Pixels></Image></OME>"
        )
        write(tmp_path / f"s{z}.ome.tif", plane(z), description=xml, metadata=None)
    assert [int(each[0, 0]) for each in open_stack(tmp_path)] == [0, 1, 2]
    assert [int(each[0, 0]) for each in open_stack(tmp_path / "s0.ome.tif")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("odd", "data", "text"),
    [
        (
            "f9.png",
            plane(0, 6, 4),
            r"f9\.png: is 6 × 4 uint8 but the first file, f0\.png, is 6 × 5",
        ),
        ("f9.png", plane(0, 5, 6), r"f9\.png: is 5 × 6 uint8 .*Rotate the file, which lies on"),
        ("f9.png", plane(0, 6, 5, 3), r"f9\.png: is 6 × 5 × 3 uint8"),
        ("f9.tif", plane(0, dtype="uint16"), r"f9\.tif: is 6 × 5 uint16 .*6 × 5 uint8"),
        ("f9.tif", plane(0, 4, 6, 5), r"f9\.tif: holds 4 planes; .*Open this file alone"),
    ],
)
def test_a_file_unlike_the_first_is_named_before_any_plane_is_read(tmp_path, odd, data, text):
    write(tmp_path / "f0.png", plane(0))
    write(tmp_path / odd, data)
    with pytest.raises(StackFileError, match=text):
        open_stack(tmp_path)


def test_a_turned_jpeg_is_compared_as_it_will_be_read(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(plane(9, 6, 5)).save(tmp_path / "a.jpg")
    Image.fromarray(plane(9, 5, 6)).save(tmp_path / "b.jpg", exif=exif)
    stack = open_stack(tmp_path)
    assert stack.plane(1).shape == stack.shape[1:] == (6, 5)


def test_a_file_changed_since_it_was_opened(tmp_path):
    write(tmp_path / "a.png", plane(0))
    stack = open_stack(tmp_path)
    write(tmp_path / "a.png", plane(0, 6, 4))
    with pytest.raises(
        StackFileError, match=r"a\.png: was replaced or changed since it was opened"
    ):
        stack.plane(0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty, 0 bytes. Copy it again"),
        (b"no image", "holds text; accepted under this name are"),
        (b"<html>404</html>", "holds a web page; accepted"),
        ("Größe".encode() * 99, "holds text; accepted"),
        (b"version https://git-lfs.github.com/spec/v1", "holds the address of a file in Git LFS"),
        (bytes(900), "begins with 512 zeros: it was not copied or saved to its end"),
        (b"%PDF-1.7", "holds a PDF file; accepted"),
        (b"GIF89a..", "holds a GIF file; accepted"),
        (bytes([128, 200]), "holds no image that is known"),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_file_of_other_content_is_named_and_told(tmp_path, suffix, content, told):
    write(tmp_path / "a.png", plane(0))
    (tmp_path / f"b{suffix}").write_bytes(content)
    with pytest.raises(StackFileError, match=rf"b\{suffix}: {re.escape(told)}"):
        open_stack(tmp_path)


@pytest.mark.parametrize(
    ("kind", "named"), [("png", "tif"), ("jpg", "TIF"), ("tif", "jpg"), ("bmp", "stk")]
)
def test_an_image_under_the_name_of_another_kind_is_read_as_what_it_is(tmp_path, kind, named):
    for z in range(3):
        write(tmp_path / f"z{z}.{kind}", plane(z))
    right = open_stack(tmp_path)
    want = [right.plane(z) for z in range(3)]
    for z in range(3):
        (tmp_path / f"z{z}.{kind}").rename(tmp_path / f"z{z}.{named}")
    stack = open_stack(tmp_path)
    np.testing.assert_array_equal([stack.plane(z) for z in range(3)], want)
    told = {"tif": "TIFF", "jpg": "JPEG"}.get(kind, kind.upper())
    assert f"files named .{named} hold {told} images, and are read as such" in stack.source_notes
    np.testing.assert_array_equal(open_stack(tmp_path / f"z1.{named}").plane(0), want[1])
    with pytest.warns(UserWarning, match="are read as such"):
        np.testing.assert_array_equal(read_layers(tmp_path)[0][0], want)
    assert can_read(tmp_path / f"z1.{named}")
    assert describe_file(tmp_path / f"z1.{named}")["shape"][:2] == list(want[1].shape)[:2]


def test_a_broken_image_under_another_name_tells_both(tmp_path):
    (tmp_path / "z.tif").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(StackFileError, match=r"z\.tif: is a PNG file by its content, and cannot"):
        open_stack(tmp_path / "z.tif")


def test_folders_that_hold_images_are_named_where_a_folder_holds_none(tmp_path):
    for name in ("beetle/z0.tif", "moss/z0.tif"):
        (tmp_path / name).parent.mkdir()
        write(tmp_path / name, plane(0))
        told = (
            " Its folder beetle holds images: give" if name[0] == "b" else "give one, or fuse all"
        )
        with pytest.raises(StackFileError, match=told):
            open_stack(tmp_path)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ([0], r"index=\[0\]; accepted are entries by the names of axes"),
        ({2: 0}, "accepted are entries by the names of axes"),
        ({"Z": "0"}, "index Z='0'; accepted is a whole number"),
        ({"Z": 0.5}, "index Z=0.5; accepted is a whole number"),
    ],
)
def test_an_index_that_selects_nothing_is_told(folder, index, text):
    with pytest.raises(StackFileError, match=text):
        open_stack(folder, index=index)
    assert len(open_stack(folder, index={"Z": np.int64(3)})) == 1


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch, name):
    write(tmp_path / "z0.tif", plane(0))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StackFileError, match="got an empty name"):
        open_stack(name)


@pytest.mark.parametrize("source", [None, 5, plane(0), ["z0.tif", None], [None]])
@pytest.mark.parametrize("read", [open_stack, read_layers])
def test_what_is_no_path(read, source):
    with pytest.raises(StackFileError, match=r"got \w+ where the path of a file is; accepted are"):
        read(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("none.tif", r"none\.tif: no such file or folder"),
        ("none*.tif", r"none\*\.tif: no image matches; accepted are \.tif, .*\.webp"),
        ("empty", r"empty: the folder holds no image; accepted are"),
        ("notes.txt", r"notes\.txt: is a kind of file that is not read; accepted are"),
        ("IMG_1.CR2", r"raw file of a camera, which is not read; accepted .*Develop raw files"),
        ("cells.h5", r"microscope programs that is not read; accepted .*\.h5 files as OME-TIFF"),
        ("a.heic", r"a\.heic: .* Convert \.heic files to PNG or TIFF first"),
        ("raws", r"the folder holds no image; accepted .*Develop raw files"),
        ("a.ome.zarr", r"a\.ome\.zarr: is no OME-Zarr, since it holds none of zarr\.json"),
        ("*.txt", "no image matches"),
    ],
)
def test_sources_without_images(tmp_path, source, text):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.ome.zarr").mkdir()
    for name in ("notes.txt", "IMG_1.CR2", "cells.h5", "a.heic", "raws/IMG_1.CR2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("nothing")
    with pytest.raises(StackFileError, match=text):
        open_stack(tmp_path / source)
    with pytest.raises(StackFileError, match=text):
        open_stack([tmp_path / source])


def test_an_empty_list():
    with pytest.raises(StackFileError, match="empty list of files"):
        open_stack([])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"z_axis": "T"}, r"z axis cannot be 'T': the axes are Z \(12\)"),
        ({"index": {"T": 1}}, r"index names axis 'T'; the axes are Z \(12\)"),
        ({"index": {"Z": 12}}, r"index Z=12 is outside 0 to 11"),
    ],
)
def test_axes_that_names_do_not_count_cannot_be_chosen(folder, options, text):
    with pytest.raises(StackFileError, match=text):
        open_stack(folder, **options)


def test_sources_are_absolute(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert open_stack("f3.png").sources == (str(folder / "f3.png"),)
    assert open_stack("f1*.png").sources[0] == str(folder / "f1.png")


@pytest.mark.parametrize("is_ome", [True, False])
def test_pages_that_the_header_does_not_name_are_told(tmp_path, is_ome):
    path = tmp_path / ("s.ome.tif" if is_ome else "s.tif")
    data = np.zeros((5, 6, 7), np.uint8)
    if is_ome:
        tifffile.imwrite(path, data, metadata={"axes": "ZYX"})
        path.write_bytes(path.read_bytes().replace(b'SizeZ="5"', b'SizeZ="3"'))
    else:
        tifffile.imwrite(path, data, description="ImageJ=1.5\nimages=3\nslices=3\n", metadata=None)
    stack = open_stack(path)
    assert len(stack) == 3
    assert any("2 of 5 pages are left out" in note for note in stack.source_notes)


def test_files_without_an_extension_and_arrays_say_what_to_do(tmp_path):
    tifffile.imwrite(tmp_path / "z0", np.zeros((6, 7), np.uint8))
    for source in (tmp_path, tmp_path / "z0"):
        with pytest.raises(StackFileError, match=r"z0 is a TIFF file: add \.tif to its name"):
            open_stack(source)
    np.save(tmp_path / "z.npy", np.zeros((5, 6, 7)))
    with pytest.raises(StackFileError, match=r"numpy\.load, and give them to napari_umis_fusion"):
        open_stack(tmp_path / "z.npy")
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    with pytest.raises(StackFileError, match="searched by umis-fusion batch"):
        open_stack(tmp_path / "a")


def test_files_with_another_extension_say_what_to_do(tmp_path):
    tifffile.imwrite(tmp_path / "z0.cr2", np.zeros((6, 7), np.uint8))
    with pytest.raises(StackFileError, match=r"raw file of a camera.* Develop raw files to TIFF"):
        open_stack(tmp_path / "z0.cr2")
    tifffile.imwrite(tmp_path / "z1.bak", np.zeros((6, 7), np.uint8))
    with pytest.raises(StackFileError, match=r"z1\.bak is a TIFF file: let its name end in \.tif"):
        open_stack(tmp_path / "z1.bak")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize(("space", "is_told"), [("XYZ", True), ("sRGB", False)])
def test_a_colour_profile_that_is_not_kept_is_told(tmp_path, suffix, space, is_told):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    for z in range(2):
        image = Image.fromarray(plane(z, 6, 5, 3))
        image.save(tmp_path / f"z{z}{suffix}", icc_profile=profile)
    notes = open_stack(tmp_path).source_notes
    assert (
        any("XYZ identity built-in, which results do not carry" in one for one in notes) == is_told
    )


def test_files_that_are_turned_unlike_the_others_are_named(tmp_path):
    for z in range(4):
        exif = Image.Exif()
        exif[0x0112] = 3 if z == 2 else 1
        Image.fromarray(plane(z)).save(tmp_path / f"z{z}.jpg", exif=exif)
    (note,) = open_stack(tmp_path).source_notes
    assert note.startswith("turned otherwise than most, as EXIF says: z2.jpg")
