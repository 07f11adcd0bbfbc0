"""What the values of TIFF pixels mean."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion import LayerPlan, fuse
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import describe_file, layer_image
from napari_umis_fusion.files.read import open_stack, read_layers
from napari_umis_fusion.layers import LayerStacks
from napari_umis_fusion.stack import CroppedStack

RNG = np.random.default_rng(2)
NUMBERS = RNG.integers(0, 256, (3, 6, 5), np.uint8)
PALETTE = RNG.integers(0, 65536, (3, 256), np.uint16)


def first_layer(path):
    return np.asarray(read_layers(path)[0][0])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_palettes_become_colour(tmp_path, compression):
    path = tmp_path / "s.tif"
    options = {"photometric": "palette", "colormap": PALETTE, "compression": compression}
    tifffile.imwrite(path, NUMBERS, metadata=None, **options)
    wanted = np.rint(PALETTE.T / 257).astype(np.uint8)[NUMBERS]
    stack = open_stack(path)
    assert stack.rgb
    np.testing.assert_array_equal(np.stack(list(stack)), wanted, strict=True)
    part = stack.region(1, slice(1, 4), slice(2, 5))
    np.testing.assert_array_equal(part, wanted[1, 1:4, 2:5])
    np.testing.assert_array_equal(first_layer(path), wanted, strict=True)


@pytest.mark.parametrize("colour", [(1, 1, 1), (0, 1, 0), (1, 0, 1)])
def test_tables_that_only_rise_to_one_colour_are_greys(tmp_path, colour):
    table = np.outer(colour, np.arange(256) * 257).astype(np.uint16)
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, NUMBERS, photometric="palette", colormap=table, metadata=None)
    np.testing.assert_array_equal(np.stack(list(open_stack(path))), NUMBERS, strict=True)


def test_tables_of_imagej_that_rise_only_show_greys(tmp_path):
    fire = np.stack([np.minimum(np.arange(256) * k, 255) for k in (3, 2, 1)]).astype(np.uint16)
    path = tmp_path / "s.tif"
    options = {"photometric": "palette", "colormap": fire * 257, "metadata": None}
    header = "ImageJ=1.54f\nimages=3\nslices=3\n"
    tifffile.imwrite(path, NUMBERS, description=header, **options)
    assert open_stack(path).shape == (3, 6, 5)


@pytest.mark.parametrize("dtype", ["bool", "u1", "u2", "u4", ">u2", "i2"])
def test_inverted_greys_are_set_right(tmp_path, dtype):
    data = (NUMBERS > 99 if dtype == "bool" else NUMBERS).astype(dtype)
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, data, photometric="miniswhite", metadata=None)
    native = data.astype(data.dtype.newbyteorder("="))
    wanted = np.invert(native)
    np.testing.assert_array_equal(np.stack(list(open_stack(path))), wanted, strict=True)
    np.testing.assert_array_equal(first_layer(path), wanted, strict=True)


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_inverted_greys_of_few_bits_are_set_right(tmp_path, bits):
    data = RNG.integers(0, 2**bits, (3, 6, 16), np.uint16)
    path = tmp_path / "s.tif"
    options = {"photometric": "miniswhite", "bitspersample": bits, "metadata": None}
    stored = data.astype(bool) if bits == 1 else data.astype("u1" if bits < 8 else "u2")
    tifffile.imwrite(path, stored, **options)
    wanted = ~stored if bits == 1 else 2**bits - 1 - stored
    np.testing.assert_array_equal(np.stack(list(open_stack(path))), wanted)


def test_inverted_floats_change_their_sign_and_say_so(tmp_path):
    data = NUMBERS.astype(np.float32) - 9
    options = {"photometric": "miniswhite", "metadata": None}
    tifffile.imwrite(tmp_path / "s.tif", data, **options)
    (tmp_path / "one").mkdir()
    for z, plane in enumerate(data):
        tifffile.imwrite(tmp_path / "one" / f"z{z}.tif", plane, **options)
    for source in (tmp_path / "s.tif", tmp_path / "one"):
        stack = open_stack(source)
        np.testing.assert_array_equal(np.stack(list(stack)), -data, strict=True)
        assert any("MinIsWhite" in note for note in stack.source_notes)
        with pytest.warns(UserWarning, match="MinIsWhite"):
            read_layers(source)


OPACITY = np.where(np.arange(5) < 2, 0, 255).astype(np.uint8) * np.ones((3, 6, 1), np.uint8)


def write_samples(path, samples, extra, **options):
    """Write samples, of shape (S, Z, Y, X), side by side, or as planes of each page."""
    is_planar = options.get("planarconfig") == "separate"
    data = np.stack(samples, axis=1 if is_planar else -1)
    options = {"photometric": "minisblack", "planarconfig": "contig", "metadata": None} | options
    tifffile.imwrite(path, data, extrasamples=extra, **options)


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u1", ">u2"])
def test_grey_with_opacity_is_shown_as_that_of_png(tmp_path, planarconfig, dtype):
    path = tmp_path / "s.tif"
    grey, opacity = NUMBERS.astype(dtype), OPACITY.astype(dtype)
    write_samples(path, [grey, opacity], ["unassalpha"], planarconfig=planarconfig)
    stack = open_stack(path)
    wanted = np.stack([grey, grey, grey, opacity], -1).astype(dtype[-2:])
    assert stack.rgb
    np.testing.assert_array_equal(np.stack(list(stack)), wanted, strict=True)
    part = stack.region(1, slice(1, 4), slice(2, 5))
    np.testing.assert_array_equal(part, wanted[1, 1:4, 2:5])
    np.testing.assert_array_equal(first_layer(path), wanted, strict=True)
    about = describe_file(path)
    assert about["colour"]
    assert 4 in about["shape"]


def test_inverted_grey_keeps_its_opacity(tmp_path):
    write_samples(tmp_path / "s.tif", [NUMBERS, OPACITY], ["unassalpha"], photometric="miniswhite")
    plane = open_stack(tmp_path / "s.tif").plane(0)
    np.testing.assert_array_equal(plane[..., 0], 255 - NUMBERS[0])
    np.testing.assert_array_equal(plane[..., 3], OPACITY[0])


def test_two_samples_that_no_tag_explains_are_channels(tmp_path):
    write_samples(tmp_path / "s.tif", [NUMBERS, OPACITY], ["unspecified"])
    stack = open_stack(tmp_path / "s.tif")
    assert (stack.rgb, stack.shape) == (False, (3, 6, 5, 2))


def test_colours_multiplied_by_opacity_are_divided_as_pillow_does(tmp_path):
    opacity = RNG.integers(0, 256, (1, 6, 5), np.uint8)
    colours = [(RNG.random((1, 6, 5)) * opacity).astype(np.uint8) for _ in range(3)]
    path = tmp_path / "s.tif"
    write_samples(path, [*colours, opacity], ["assocalpha"], photometric="rgb")
    with Image.open(path) as image:
        wanted = np.asarray(image).astype(int)
    shown = open_stack(path).plane(0)
    seen = opacity[0] > 0
    assert np.abs(shown.astype(int) - wanted)[seen].max() <= 1  # Pillow cuts, here it is rounded
    assert not shown[~seen].any()


def test_selections_of_image_editors_are_left_out(tmp_path):
    path = tmp_path / "s.tif"
    samples = [NUMBERS, NUMBERS, NUMBERS, OPACITY, NUMBERS]
    write_samples(path, samples, ["unassalpha", "unspecified"], photometric="rgb")
    stack = open_stack(path)
    assert (stack.rgb, stack.shape) == (True, (3, 6, 5, 4))
    assert stack.source_notes[0].startswith("left out: 1 sample of each pixel")


def test_inverted_greys_as_pillow_shows_them(tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, NUMBERS[0], photometric="miniswhite", metadata=None)
    with Image.open(path) as image:
        np.testing.assert_array_equal(open_stack(path).plane(0), np.asarray(image.convert("L")))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("colour", [False, True])
def test_orientation_is_applied_as_that_of_jpegs(tmp_path, orientation, colour):
    shape = (6, 5, 3) if colour else (6, 5)
    data = RNG.integers(0, 255, shape, np.uint8)
    path = tmp_path / "s.tif"
    options = {"photometric": "rgb" if colour else "minisblack", "resolution": (5e4, 1e4)}
    tags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(
        path, data, metadata=None, extratags=tags, resolutionunit="CENTIMETER", **options
    )
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # of Pillow's transpose
    image = Image.fromarray(data)
    wanted = np.asarray(image.transpose(turns[orientation]) if orientation > 1 else image)
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.plane(0), wanted, strict=True)
    np.testing.assert_array_equal(stack.region(0, slice(1, 3), slice(2, 5)), wanted[1:3, 2:5])
    np.testing.assert_array_equal(first_layer(path), wanted, strict=True)
    sizes = (stack.calibration.pixel_height_um, stack.calibration.pixel_width_um)
    assert sizes == pytest.approx((0.2, 1.0) if orientation >= 5 else (1.0, 0.2))


@pytest.mark.parametrize(
    ("photometric", "samples", "name"), [("separated", 4, "CMYK"), ("cielab", 3, "Lab")]
)
def test_other_colours_are_refused(tmp_path, photometric, samples, name):
    path = tmp_path / "s.tif"
    data = RNG.integers(0, 255, (6, 5, samples), np.uint8)
    tifffile.imwrite(path, data, photometric=photometric, metadata=None)
    for read in (open_stack, read_layers):
        with pytest.raises(StackFileError, match=rf"s\.tif: pixels are {name}; accepted are"):
            read(path)


def test_planes_as_samples_can_be_said_to_be_z(tmp_path):
    path = tmp_path / "s.tif"
    data = RNG.integers(0, 255, (6, 5, 7), np.uint8)
    tifffile.imwrite(path, data, photometric="minisblack", planarconfig="contig", metadata=None)
    with pytest.raises(StackFileError, match=r"none is Z.*--z-axis S"):
        open_stack(path)
    stack = open_stack(path, z_axis="S")
    np.testing.assert_array_equal(np.stack(list(stack)), np.moveaxis(data, -1, 0), strict=True)


def write_raw(path, data, period=(2, 2)):
    colours = bytes(k % 3 for k in range(period[0] * period[1]))
    tags = [(33421, "H", 2, period, True), (33422, "B", len(colours), colours, True)]
    with tifffile.TiffWriter(path) as tif:
        for plane in data.reshape(-1, *data.shape[-2:]):
            tif.write(plane, photometric="cfa", metadata=None, extratags=tags)


def test_a_header_that_names_a_bayer_filter_makes_a_mosaic(tmp_path):
    write_raw(tmp_path / "all.tif", NUMBERS)
    (tmp_path / "one").mkdir()
    for z, plane in enumerate(NUMBERS):
        write_raw(tmp_path / "one" / f"z{z}.tif", plane)
    for source in (tmp_path / "all.tif", tmp_path / "one"):
        stack = open_stack(source)
        assert stack.is_mosaic
        assert describe_file(source)["mosaic"] == "bayer"
        assert CroppedStack(stack, slice(0, 4), slice(0, 4)).is_mosaic
        layer = layer_image(read_layers(source)[0])
        assert LayerStacks([layer], LayerPlan()).stack((0, {})).is_mosaic
    # too few values for it to be recognised
    options = {"focus_measure": "laplacian", "verification": "mode", "blend": "select"}
    assert fuse(tmp_path / "one", **options).provenance["mosaic"] == "bayer"
    assert "mosaic" not in fuse(tmp_path / "one", mosaic="none", **options).provenance
    assert "mosaic" not in fuse(NUMBERS, **options).provenance


def test_another_filter_is_told(tmp_path):
    write_raw(tmp_path / "s.tif", NUMBERS, (6, 6))
    stack = open_stack(tmp_path / "s.tif")
    assert not stack.is_mosaic
    assert any("6 × 6 pixels" in note and "Convert" in note for note in stack.source_notes)
    with pytest.warns(UserWarning, match="6 × 6 pixels"):
        read_layers(tmp_path / "s.tif")


def write_pages(path, pages, **options):
    """Write pages, each with options of its own, without a header that names them all."""
    with tifffile.TiffWriter(path) as tif:
        for k, page in enumerate(pages):
            own = {name: values[k] for name, values in options.items()}
            tif.write(page, **{"photometric": "minisblack", "metadata": None} | own)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_each_page_may_have_its_own_palette(tmp_path, compression):
    path, tables = tmp_path / "s.tif", RNG.integers(0, 2**16, (3, 3, 256), np.uint16)
    kinds, packed = ["palette"] * 3, [compression] * 3
    write_pages(path, NUMBERS, photometric=kinds, colormap=tables, compression=packed)
    wanted = np.stack([np.rint(a.T / 257)[b] for a, b in zip(tables, NUMBERS, strict=True)])
    np.testing.assert_array_equal(np.stack(list(open_stack(path))), wanted)
    np.testing.assert_array_equal(first_layer(path), wanted)


def test_each_page_may_be_turned_or_inverted_by_itself(tmp_path):
    pages = [NUMBERS[0], NUMBERS[1][::-1, ::-1], 255 - NUMBERS[2]]
    tags = [[(274, 3, 1, turned, True)] for turned in (1, 3, 1)]
    kinds = ["minisblack", "minisblack", "miniswhite"]
    write_pages(tmp_path / "s.tif", pages, photometric=kinds, extratags=tags)
    np.testing.assert_array_equal(np.stack(list(open_stack(tmp_path / "s.tif"))), NUMBERS)
    np.testing.assert_array_equal(first_layer(tmp_path / "s.tif"), NUMBERS)


def test_a_page_that_lies_on_its_side_is_refused(tmp_path):
    tags = [[(274, 3, 1, turned, True)] for turned in (1, 1, 6)]
    write_pages(tmp_path / "s.tif", NUMBERS, extratags=tags)
    with pytest.raises(StackFileError, match=r"some of its pages lie on their side.*tag 274"):
        open_stack(tmp_path / "s.tif")


@pytest.mark.parametrize(
    "options",
    [
        {"compression": [None, "zlib", "lzw"]},
        {"tile": [None, (16, 16), None]},
        {"rowsperstrip": [1, 6, 2], "compression": ["zlib"] * 3},
        {"predictor": [False, True, False], "compression": ["zlib"] * 3},
    ],
)
def test_pages_that_are_only_stored_otherwise_are_planes_of_one_stack(tmp_path, options):
    write_pages(tmp_path / "s.tif", NUMBERS, **options)
    np.testing.assert_array_equal(np.stack(list(open_stack(tmp_path / "s.tif"))), NUMBERS)
    np.testing.assert_array_equal(first_layer(tmp_path / "s.tif"), NUMBERS)
    assert describe_file(tmp_path / "s.tif")["planes"] == 3
