import json
import os
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion.errors import StackFileError, UmisFusionError
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.files.write import ImageAbout, check_output_path, write_image
from napari_umis_fusion.files.write import _image as writing
from napari_umis_fusion.stack import ACCEPTED_DTYPES, Calibration

SIZES = Calibration(1.5, 0.25, 0.5)
PROVENANCE = {"version": "1", "config": {"blend": "select"}, "note": 'µ < & > "{}" \n'}
TOLD = {"software": "napari-umis-fusion", **PROVENANCE}


def ramp(*shape, dtype="uint8"):
    values = np.arange(np.prod(shape)).reshape(shape)
    return values % 3 == 0 if dtype == "bool" else values.astype(dtype)


def read_png(path):
    return imagecodecs.png_decode(path.read_bytes())


CHANNELS = pytest.mark.parametrize(
    ("shape", "rgb", "axes"),
    [
        ((6, 5), False, "YX"),
        ((6, 5, 1), False, "YX"),
        ((6, 5, 2), False, "CYX"),
        ((6, 5, 3), False, "CYX"),
        ((6, 5, 3), True, "YXS"),
        ((6, 5, 4), True, "YXS"),
    ],
)


@CHANNELS
@pytest.mark.parametrize("name", ["o.ome.tif", "o.OME.TIFF", "o.tif", "o.tiff"])
def test_tiff_keeps_values_axes_and_dtype(tmp_path, name, shape, rgb, axes):
    for dtype in ACCEPTED_DTYPES:
        (tmp_path / dtype).mkdir()
        check_tiff(tmp_path / dtype / name, dtype, shape, rgb, axes)


def check_tiff(path, dtype, shape, rgb, axes):
    data = ramp(*shape, dtype=dtype)
    assert write_image(path, data, rgb=rgb) == path
    known = {"bool": "uint8"} if rgb else {}
    if "ome" in path.name.lower():
        known = {"bool": "uint8", "float16": "float32"}
    with tifffile.TiffFile(path) as tif:
        assert (tif.series[0].axes, tif.is_ome) == (axes, "ome" in path.name.lower())
        assert tif.pages.first.photometric.name == ("RGB" if rgb else "MINISBLACK")
        stored = tif.asarray()
    wanted = np.moveaxis(data, -1, 0) if axes == "CYX" else data.reshape(stored.shape)
    np.testing.assert_array_equal(stored, wanted.astype(known.get(dtype, dtype)), strict=True)


def test_ome_xml_is_well_formed_and_tells_all(tmp_path):
    data = ramp(6, 5, dtype="uint16")
    path = write_image(tmp_path / "o.ome.tif", data, calibration=SIZES, provenance=PROVENANCE)
    with tifffile.TiffFile(path) as tif:
        root = ElementTree.fromstring(tif.ome_metadata)
    pixels = root.find("{*}Image/{*}Pixels").attrib
    assert (pixels["Type"], pixels["SizeX"], pixels["SizeY"]) == ("uint16", "5", "6")
    for axis, size in zip("ZYX", (1.5, 0.25, 0.5), strict=True):
        assert float(pixels[f"PhysicalSize{axis}"]) == size
        assert pixels[f"PhysicalSize{axis}Unit"] == "µm"
    assert json.loads(root.find("{*}Image/{*}Description").text) == TOLD


@pytest.mark.parametrize("name", ["o.ome.tif", "o.imagej.tif"])
def test_names_that_are_no_text_are_written_as_far_as_they_are(tmp_path, name):
    about = ImageAbout("K\udce4fer\x01", ("r\udcfft", "b"))
    path = write_image(tmp_path / name, ramp(6, 5, 2), about=about)
    with tifffile.TiffFile(path) as tif:
        told = tif.ome_metadata or str(tif.imagej_metadata)
    assert "K�fer�" in told
    assert "r�t" in told
    assert "imagej" in name or ElementTree.fromstring(told)


def test_unknown_sizes_are_left_out(tmp_path):
    path = write_image(tmp_path / "o.ome.tif", ramp(6, 5))
    with tifffile.TiffFile(path) as tif:
        assert "PhysicalSize" not in tif.ome_metadata
        assert "Description" not in tif.ome_metadata


@pytest.mark.parametrize("name", ["o.ome.tif", "o.tif"])
def test_sizes_come_back(tmp_path, name):
    path = write_image(tmp_path / name, ramp(6, 5), calibration=SIZES, provenance=PROVENANCE)
    assert open_stack(path).calibration == SIZES
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages.first.tags
        assert tags["ResolutionUnit"].value == 3
        assert np.divide(*tags["XResolution"].value) == pytest.approx(20000)
        assert np.divide(*tags["YResolution"].value) == pytest.approx(40000)


def test_plain_tiff_describes_itself_in_json(tmp_path):
    path = write_image(tmp_path / "o.tif", ramp(6, 5), calibration=SIZES, provenance=PROVENANCE)
    with tifffile.TiffFile(path) as tif:
        description = json.loads(tif.pages.first.description)
    assert description["shape"] == [6, 5]
    assert description["provenance"] == TOLD
    assert description["z_step_um"] == 1.5


@pytest.mark.parametrize("name", ["o.ome.tif", "o.tif"])
@pytest.mark.parametrize("limit", [200, 10**6])
def test_bigtiff_when_large(tmp_path, monkeypatch, name, limit):
    monkeypatch.setattr(writing, "CLASSIC_TIFF_BYTES", limit)
    path = write_image(tmp_path / name, ramp(20, 20))
    with tifffile.TiffFile(path) as tif:
        assert tif.is_bigtiff is (limit < 400)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2"])
@pytest.mark.parametrize(("shape", "rgb"), [((6, 5), False), ((6, 5, 3), True), ((6, 5, 4), True)])
def test_png_keeps_values(tmp_path, dtype, shape, rgb):
    data = ramp(*shape).astype(dtype) * np.array(1 if dtype == "uint8" else 400, dtype)
    path = write_image(tmp_path / "o.PNG", data, rgb=rgb)
    np.testing.assert_array_equal(
        read_png(path), data.astype(data.dtype.newbyteorder("=")), strict=True
    )


def test_png_keeps_bool(tmp_path):
    path = write_image(tmp_path / "o.png", ramp(6, 5, dtype="bool"))
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), ramp(6, 5, dtype="bool"), strict=True)


@pytest.mark.parametrize("order", ["view", "fortran"])
@pytest.mark.parametrize("name", ["o.png", "o.tif", "o.ome.tif", "o.jpg"])
def test_any_memory_layout(tmp_path, name, order):
    data = ramp(12, 10)[::2, ::2] if order == "view" else np.asfortranarray(ramp(6, 5))
    stored = open_stack(write_image(tmp_path / name, data)).plane(0)
    assert np.abs(stored.astype(int) - data).max() <= (4 if name == "o.jpg" else 0)


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3)])
def test_jpeg_is_near(tmp_path, shape):
    data = np.zeros(shape, np.uint8)
    data[8:24, 7:21] = (200, 30, 90) if len(shape) == 3 else 200
    path = write_image(tmp_path / "o.jpeg", data, rgb=len(shape) == 3)
    with Image.open(path) as image:
        assert image.format == "JPEG"
        assert getattr(image, "layer", [(1, 1, 1)])[0][1:3] == (1, 1)
        assert np.abs(np.asarray(image).astype(int) - data).max() < 40
        assert np.abs(np.asarray(image).astype(int) - data).mean() < 4


REFUSED = [
    (
        "o.png",
        "float32",
        None,
        False,
        "PNG cannot hold float32 as it is; OME-TIFF, ImageJ",
    ),
    (
        "o.jpg",
        "uint16",
        None,
        False,
        "JPEG cannot hold uint16 as it is; OME-TIFF, ImageJ",
    ),
    ("o.jpg", "bool", None, False, "JPEG cannot hold bool"),
    (
        "o.png",
        "bool",
        3,
        True,
        "PNG cannot hold bool as it is; OME-TIFF, TIFF keep it",
    ),
    ("o.tif", "int64", None, False, "TIFF cannot hold int64 as it is; no format keeps it"),
    ("o.png", "uint8", 2, False, "PNG holds grey or RGB or RGBA, not 2 microscope channels"),
    ("o.png", "uint8", 3, False, "not 3 microscope channels; OME-TIFF and TIFF hold them"),
    ("o.jpg", "uint8", 4, True, "JPEG holds grey or RGB, not 4 colour samples"),
    ("o.gif", "uint8", None, False, r"o\.gif: cannot write this kind.*\.ome\.tif.*\.jpeg"),
    ("o", "uint8", None, False, "cannot write this kind"),
    ("none/o.png", "uint8", None, False, "folder .*none does not exist; make it first"),
    ("folder.png", "uint8", None, False, "is a folder; give the name of a file"),
    ("", "uint8", None, False, "is a folder; give the name of a file"),
    ("file/o.png", "uint8", None, False, "file is a file, in which no other can be"),
]


@pytest.mark.parametrize(("name", "dtype", "channels", "rgb", "text"), REFUSED)
def test_what_cannot_be_written_is_refused_up_front(tmp_path, name, dtype, channels, rgb, text):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StackFileError, match=text):
        check_output_path(tmp_path / name, dtype=dtype, channels=channels, rgb=rgb)
    image = np.zeros((6, 5) if channels is None else (6, 5, channels), dtype)
    with pytest.raises(StackFileError, match=text):
        write_image(tmp_path / name, image, rgb=rgb)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


def test_more_pixels_a_side_than_jpeg_holds_are_refused(tmp_path):
    with pytest.raises(StackFileError, match=r"is 1 × 65501; JPEG holds up to 65500 a side"):
        write_image(tmp_path / "o.jpg", ramp(1, 65501))
    assert not any(tmp_path.iterdir())
    write_image(tmp_path / "o.jpg", ramp(1, 65500))


@pytest.mark.parametrize(
    ("name", "text"), [("", "got an empty name"), (" ", "empty name"), (None, "got NoneType where")]
)
def test_what_names_no_file_is_told_as_such(name, text):
    with pytest.raises(StackFileError, match=text):
        check_output_path(name)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"calibration": 0.5}, "got float where physical sizes are; accepted is a Calibration"),
        ({"calibration": Calibration(-1.0)}, r"z_step_um=-1.0; accepted is a positive number"),
        ({"provenance": "me"}, "the provenance is no JSON"),
        ({"provenance": {"a": {1, 2}}}, "the provenance is no JSON .*accepted is a dict of text"),
    ],
)
def test_what_a_file_cannot_tell_is_refused_before_it_is_begun(tmp_path, options, text):
    with pytest.raises(UmisFusionError, match=text):
        write_image(tmp_path / "o.ome.tif", ramp(6, 7), **options)
    assert not any(tmp_path.iterdir())


def test_a_stack_is_not_written_as_one_image_of_many_channels(tmp_path):
    with pytest.raises(StackFileError, match=r"taken as 17 channels; accepted are at most 16"):
        write_image(tmp_path / "o.tif", np.zeros((5, 6, 17), np.uint8))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StackFileError, match="cannot be written to"):
        check_output_path(tmp_path / "o.png")


def test_checking_writes_nothing_and_tells_the_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_output_path("o.tif", dtype="uint8", channels=7) == tmp_path.resolve() / "o.tif"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("alias", ["same", "relative", "symlink", "hardlink"])
def test_inputs_are_never_written_over(tmp_path, monkeypatch, alias):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "in.png"
    source.write_bytes(b"precious")
    other = {"same": str(source), "relative": "../" + tmp_path.name + "/in.png"}.get(alias, "o.png")
    if alias == "symlink":
        (tmp_path / other).symlink_to(source)
    elif alias == "hardlink":
        os.link(source, other)
    for check in (check_output_path, lambda path, **kw: write_image(path, ramp(6, 5), **kw)):
        with pytest.raises(StackFileError, match="is an input, which is never overwritten"):
            check(other, protect=["elsewhere.png", source])
    assert source.read_bytes() == b"precious"


def test_another_file_is_replaced_and_keeps_its_links(tmp_path):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "o.png").symlink_to(tmp_path / "real.png")
    write_image(tmp_path / "o.png", ramp(6, 5))
    assert (tmp_path / "o.png").is_symlink()
    np.testing.assert_array_equal(read_png(tmp_path / "real.png"), ramp(6, 5))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_files_get_the_usual_mode(tmp_path):
    (tmp_path / "usual").touch()
    usual = (tmp_path / "usual").stat().st_mode
    for name in ("o.png", "o.tif", "o.ome.tif", "o.jpg"):
        assert write_image(tmp_path / name, ramp(6, 5)).stat().st_mode == usual


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "the disk is full"), ValueError])
@pytest.mark.parametrize("name", ["o.ome.tif", "o.tif"])
def test_interrupted_writing_leaves_what_was_there(tmp_path, monkeypatch, name, error):
    (tmp_path / name).write_bytes(b"old")

    def half(path, *args, **kwargs):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(writing.tifffile, "imwrite", half)
    wanted = StackFileError if isinstance(error, OSError) else error
    with pytest.raises(wanted, match="the disk is full" if isinstance(error, OSError) else None):
        write_image(tmp_path / name, ramp(6, 5))
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"old"


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5), (0, 5)])
def test_what_is_no_image(tmp_path, shape):
    with pytest.raises(StackFileError, match=r"got an image of shape .*accepted are \(Y, X\)"):
        write_image(tmp_path / "o.tif", np.zeros(shape))


@pytest.mark.parametrize("image", [None, [[1, 2], [3, 4]], "o.tif"])
def test_what_is_no_array(tmp_path, image):
    with pytest.raises(StackFileError, match=r"o\.tif: got \w+; accepted are arrays \(Y, X\)"):
        write_image(tmp_path / "o.tif", image)
