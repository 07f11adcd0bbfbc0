import sys
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.files.read import open_stack, read_layers
from napari_umis_fusion.files.write import write_image, write_image_layer


def ramp(*shape, dtype="uint16"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def save(path, data, **options):
    tifffile.imwrite(path, data, **({"photometric": "minisblack"} | options))


def zyxc(data, axes):
    """The array as (Z, Y, X[, C]), by the axes that it was written with."""
    last = "C" if "C" in axes else "S" if "S" in axes else ""
    order = [axes.index(axis) for axis in ("ZYX" if "Z" in axes else "IYX") + last]
    return data.transpose(order)


LAYOUTS = [
    # axes, shape, options of tifffile.imwrite, rgb
    ("IYX", (7, 6, 5), {"metadata": None}, False),
    ("IYX", (7, 6, 5), {"metadata": None, "bigtiff": True}, False),
    ("IYX", (7, 6, 5), {"metadata": None, "byteorder": ">"}, False),
    ("IYX", (7, 6, 5), {"metadata": None, "compression": "zlib", "rowsperstrip": 2}, False),
    ("IYX", (7, 32, 48), {"metadata": None, "compression": "lzw", "tile": (16, 16)}, False),
    ("IYX", (12, 6, 5), {"metadata": None, "compression": "zlib", "predictor": True}, False),
    ("IYXS", (7, 6, 5, 3), {"metadata": None, "photometric": "rgb"}, True),
    ("IYXS", (7, 6, 5, 4), {"metadata": None, "photometric": "rgb", "extrasamples": [2]}, True),
    ("IYX", (7, 6, 5), {}, False),
    ("ZYX", (7, 6, 5), {"imagej": True}, False),
    ("ZYX", (7, 6, 5), {"imagej": True, "byteorder": "<"}, False),
    ("ZYX", (7, 6, 5), {"imagej": True, "compression": "zlib"}, False),
    ("ZCYX", (7, 3, 6, 5), {"imagej": True}, False),
    ("ZCYX", (7, 3, 6, 5), {"imagej": True, "compression": "zlib"}, False),
    ("ZYX", (7, 6, 5), {"ome": True}, False),
    ("ZCYX", (7, 2, 6, 5), {"ome": True}, False),
    ("CZYX", (2, 7, 6, 5), {"ome": True}, False),
    ("CZYX", (2, 7, 6, 5), {"ome": True, "compression": "zlib"}, False),
    ("ZYXS", (7, 6, 5, 3), {"ome": True, "photometric": "rgb"}, True),
    (
        "ZSYX",
        (7, 3, 6, 5),
        {"ome": True, "photometric": "rgb", "planarconfig": "separate"},
        True,
    ),
    ("ZYX", (7, 6, 5), {"volumetric": True, "tile": (7, 16, 16)}, False),
]


@pytest.mark.parametrize(("axes", "shape", "options", "rgb"), LAYOUTS)
def test_axes_are_honoured(tmp_path, axes, shape, options, rgb):
    data = ramp(*shape)
    named = {} if "metadata" in options or "I" in axes else {"metadata": {"axes": axes}}
    save(tmp_path / "s.tif", data, **(named | options))
    wanted = zyxc(data, axes)
    with open_stack(tmp_path / "s.tif") as stack:
        assert (stack.shape, stack.dtype, stack.rgb) == (wanted.shape, np.uint16, rgb)
        assert stack.sources == (str(tmp_path / "s.tif"),)
        for z in (6, 0, 3):
            np.testing.assert_array_equal(stack.plane(z), wanted[z], strict=True)
            np.testing.assert_array_equal(
                stack.region(z, slice(1, 4), slice(2, 5)), wanted[z, 1:4, 2:5], strict=True
            )


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_dtypes_come_in_native_order(tmp_path, dtype, byteorder):
    data = (ramp(3, 6, 5) % 2).astype(dtype)
    save(tmp_path / "s.tif", data, metadata=None, byteorder=byteorder)
    stack = open_stack(tmp_path / "s.tif")
    np.testing.assert_array_equal(stack.plane(2), data[2], strict=True)
    assert stack.dtype == stack.plane(2).dtype == np.dtype(dtype)


def test_jpeg_compressed_pages(tmp_path):
    data = np.full((3, 32, 32, 3), (200, 100, 50), np.uint8)
    save(tmp_path / "s.tif", data, metadata=None, photometric="rgb", compression="jpeg")
    stack = open_stack(tmp_path / "s.tif")
    assert (stack.shape, stack.rgb) == (data.shape, True)
    assert np.abs(stack.plane(1).astype(int) - data[1]).max() <= 4


@pytest.mark.parametrize("kind", [{"ome": True}, {"imagej": True}])
@pytest.mark.parametrize(
    ("options", "picked"),
    [
        ({"index": {"T": 1}}, np.s_[1]),
        ({"index": {"T": 1, "C": 2}}, np.s_[1, :, 2]),
        ({"z_axis": "T", "index": {"Z": 3}}, np.s_[:, 3]),
    ],
)
def test_further_axes_are_picked(tmp_path, kind, options, picked):
    data = ramp(2, 4, 3, 6, 5)
    save(tmp_path / "s.tif", data, metadata={"axes": "TZCYX"}, **kind)
    wanted = data[picked]
    wanted = np.moveaxis(wanted, 1, -1) if wanted.ndim == 4 else wanted
    stack = open_stack(tmp_path / "s.tif", **options)
    np.testing.assert_array_equal(np.stack(list(stack)), wanted, strict=True)


def test_time_and_channels_are_never_taken_for_z(tmp_path):
    path = tmp_path / "s.ome.tif"
    save(path, ramp(4, 6, 5), metadata={"axes": "TYX"})
    with pytest.raises(StackFileError, match=r"s\.ome\.tif: axes are T \(4\).*--z-axis T"):
        open_stack(path)
    np.testing.assert_array_equal(open_stack(path, z_axis="T").plane(3), ramp(4, 6, 5)[3])
    save(path, ramp(4, 6, 5), metadata={"axes": "CYX"})
    with pytest.raises(StackFileError, match=r"axes are C \(4\).*--z-axis C"):
        open_stack(path)


def test_too_many_channels(tmp_path):
    save(tmp_path / "s.ome.tif", ramp(2, 17, 6, 5), metadata={"axes": "ZCYX"})
    stack = open_stack(tmp_path / "s.ome.tif")
    assert stack.shape == (2, 6, 5, 17)
    with pytest.raises(StackError, match=r"17 channels; .*at most 16 .*--channel 0.*--index C=0"):
        fuse(stack)
    with pytest.raises(StackError, match="interpreted as 17 channels"):
        fuse(ramp(2, 6, 5, 17))


def test_one_of_many_channels_decides_for_all(tmp_path):
    data = np.random.default_rng(3).integers(0, 60000, (3, 20, 40, 40), dtype=np.uint16)
    save(tmp_path / "s.ome.tif", data, metadata={"axes": "ZCYX"})
    options = {"focus_measure": "laplacian", "verification": "none", "blend": "select"}
    result = fuse(tmp_path / "s.ome.tif", channel=18, **options)
    alone = fuse(tmp_path / "s.ome.tif", index={"C": 18}, **options)
    assert result.all_in_focus.shape == (40, 40, 20)
    np.testing.assert_array_equal(result.index_map, alone.index_map)
    np.testing.assert_array_equal(result.all_in_focus[..., 18], alone.all_in_focus)


def test_dtype_is_refused_by_name(tmp_path):
    save(tmp_path / "s.tif", ramp(2, 6, 5, dtype="complex64"))
    with pytest.raises(StackFileError, match=r"s\.tif: got dtype complex64; accepted are bool"):
        open_stack(tmp_path / "s.tif")
    with pytest.raises(StackFileError, match=r"s\.tif: got dtype complex64; .*its magnitude"):
        read_layers(tmp_path / "s.tif")


@pytest.mark.parametrize(("wide", "narrow"), [("int64", "int32"), ("uint64", "uint32")])
def test_wide_integers_that_fit_are_taken(tmp_path, wide, narrow):
    data = ramp(2, 6, 5, dtype=wide)
    save(tmp_path / "s.tif", data)
    stack = open_stack(tmp_path / "s.tif")
    np.testing.assert_array_equal(stack.plane(1), data[1].astype(narrow), strict=True)
    data[1, 2, 3] = 2**40
    save(tmp_path / "s.tif", data)
    stack = open_stack(tmp_path / "s.tif")
    np.testing.assert_array_equal(stack.plane(0), data[0].astype(narrow))
    with pytest.raises(StackFileError, match=rf"s\.tif: got {wide} with values .* fit {narrow}"):
        stack.plane(1)


def test_series(tmp_path):
    path = tmp_path / "s.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(ramp(2, 6, 5), metadata={"axes": "ZYX"})
        tif.write(ramp(3, 4, 5), metadata={"axes": "ZYX"})
    with pytest.raises(StackFileError, match=r"2 images, 2 of them with z: 0 .*--index series=0"):
        open_stack(path)
    assert open_stack(path, index={"series": 0}).shape == (2, 6, 5)
    second = open_stack(path, index={"series": 1})
    np.testing.assert_array_equal(second.plane(2), ramp(3, 4, 5)[2])
    with pytest.raises(StackFileError, match="series=2 is outside 0 to 1"):
        open_stack(path, index={"series": 2})


def test_pages_of_several_sizes_are_not_hidden(tmp_path):
    path = tmp_path / "s.tif"
    with tifffile.TiffWriter(path) as tif:
        for height in (6, 6, 4):
            tif.write(ramp(height, 5), metadata=None)
    stack = open_stack(path)
    assert stack.shape == (2, 6, 5)
    (note,) = stack.source_notes
    assert note == "series 0 is used, the only one of 2 with z; left out: 1 (4 x 5 uint16)"
    with tifffile.TiffWriter(path) as tif:
        for height in (6, 6, 4, 4):
            tif.write(ramp(height, 5), metadata=None)
    with pytest.raises(StackFileError, match=r"2 of them with z: 0 \(2 x 6 x 5 .* 1 \(2 x 4 x 5"):
        open_stack(path)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_sets_of_ome_files(tmp_path, options):
    """Each file holds two planes and names both files."""
    data = ramp(4, 6, 5)
    ids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(2)]
    blocks = "".join(
        f'<TiffData FirstZ="{z}" IFD="{z % 2}" PlaneCount="1">'
        f'<UUID FileName="s{z // 2}.ome.tif">{ids[z // 2]}</UUID></TiffData>'
        for z in range(4)
    )
    for n in range(2):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[n]}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
            'SizeX="5" SizeY="6" SizeZ="4" SizeC="1" SizeT="1"><Channel ID="Channel:0:0"/>'
            f"{blocks}</Pixels></Image></OME>"
        )
        save(
            tmp_path / f"s{n}.ome.tif",
            data[2 * n : 2 * n + 2],
            description=xml,
            metadata=None,
            **options,
        )
    with open_stack(tmp_path / "s0.ome.tif") as stack:
        np.testing.assert_array_equal(np.stack(list(stack)), data)
    (tmp_path / "s1.ome.tif").unlink()
    stack = open_stack(tmp_path / "s0.ome.tif")
    np.testing.assert_array_equal(np.stack(list(stack)), data[:2])
    (note,) = stack.source_notes
    assert note.startswith("Z 2 to 3 are missing (the acquisition stopped early, or files of")


def companion(folder, lost=()):
    """Write a set of one file for each plane, described in a file of its own."""
    blocks = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="a{z}.ome.tif">urn:uuid:{z}'
        "</UUID></TiffData>"
        for z in range(4)
    )
    start = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    (folder / "set.companion.ome").write_text(
        f'{start}><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" '
        'SizeX="5" SizeY="6" SizeZ="4" SizeC="1" SizeT="1" PhysicalSizeZ="0.5"><Channel '
        f'ID="Channel:0:0"/>{blocks}</Pixels></Image></OME>',
        "utf-8",
    )
    for z in range(4):
        xml = f'{start} UUID="urn:uuid:{z}"><BinaryOnly MetadataFile="set.companion.ome"/></OME>'
        if z not in lost:
            save(folder / f"a{z}.ome.tif", ramp(4, 6, 5)[z], description=xml, metadata=None)


@pytest.mark.parametrize("name", ["set.companion.ome", "a0.ome.tif", "a2.ome.tif", ""])
def test_a_companion_file_is_read_whichever_file_is_given(tmp_path, name):
    companion(tmp_path)
    stack = open_stack(tmp_path / name)
    np.testing.assert_array_equal(np.stack(list(stack)), ramp(4, 6, 5), strict=True)
    assert stack.calibration.z_step_um == 0.5
    names = {Path(source).name for source in stack.sources}
    assert {f"a{z}.ome.tif" for z in range(4)} <= names


@pytest.mark.parametrize("name", ["set.companion.ome", "a0.ome.tif"])
def test_no_file_of_a_set_that_is_read_is_overwritten(tmp_path, name):
    companion(tmp_path)
    target = tmp_path / "a3.ome.tif"
    before = target.read_bytes()
    ((array, attributes, _),) = read_layers(tmp_path / name)
    with pytest.raises(StackFileError, match=r"a3\.ome\.tif"):
        write_image_layer(str(target), array, attributes)
    with pytest.raises(StackFileError, match=r"a3\.ome\.tif"):
        write_image(target, array[0], protect=open_stack(tmp_path / name).sources)
    assert target.read_bytes() == before


def test_sets_of_a_companion_file_that_are_not_whole(tmp_path):
    companion(tmp_path, lost=(1,))
    stack = open_stack(tmp_path)
    np.testing.assert_array_equal(np.stack(list(stack)), ramp(4, 6, 5)[[0, 2, 3]])
    assert stack.source_notes[0].startswith("Z 1 is missing")
    assert stack.calibration.z_positions_um == (0.0, 1.0, 1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ((_, attributes, _),) = read_layers(tmp_path)
    assert attributes["metadata"]["umis_fusion_file"]["absent"] == [[1]]
    (tmp_path / "set.companion.ome").unlink()
    with pytest.raises(StackFileError, match=r"in another file, set\.companion\.ome, which is"):
        open_stack(tmp_path / "a0.ome.tif")


def test_the_images_of_a_file_can_be_said_to_be_planes(tmp_path):
    path = tmp_path / "s.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for plane in ramp(4, 6, 5):
            tif.write(plane)
    with pytest.raises(StackFileError, match=r"4 images, none of them with z: .*--z-axis series"):
        open_stack(path)
    stack = open_stack(path, z_axis="series")
    np.testing.assert_array_equal(np.stack(list(stack)), ramp(4, 6, 5), strict=True)
    np.testing.assert_array_equal(stack.region(2, slice(1, 3), slice(2)), ramp(4, 6, 5)[2, 1:3, :2])
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(ramp(6, 5))
        tif.write(ramp(6, 4))
    with pytest.raises(StackFileError, match=r"series 1 is \(1, 6, 4\) uint16, series 0 is"):
        open_stack(path, z_axis="series")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_threads_read_what_one_would(tmp_path, options):
    data = ramp(30, 40, 50)
    save(tmp_path / "s.tif", data, metadata={"axes": "ZYX"}, **options)
    with open_stack(tmp_path / "s.tif") as stack, ThreadPoolExecutor(8) as pool:
        planes = list(pool.map(stack.plane, [*range(30)] * 3))
    np.testing.assert_array_equal(np.stack(planes), np.concatenate([data] * 3))


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_a_closed_stack_reads_on(tmp_path, options):
    save(tmp_path / "s.tif", ramp(3, 6, 5), metadata={"axes": "ZYX"}, **options)
    stack = open_stack(tmp_path / "s.tif")
    stack.close()
    np.testing.assert_array_equal(stack.plane(2), ramp(3, 6, 5)[2])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"metadata": None},
        {"imagej": True},
        {"ome": True},
        {"ome": True, "compression": "zlib"},
        {"imagej": True, "compression": "zlib"},
        {"metadata": None, "compression": "zlib"},
        {"metadata": None, "bigtiff": True},
    ],
)
@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.1, 0.001])
def test_truncated_files_are_errors(tmp_path, options, kept):
    path = tmp_path / "s.tif"
    noise = np.random.default_rng(1).integers(0, 60000, (9, 30, 40), dtype=np.uint16)
    save(path, noise, **({"metadata": {"axes": "ZYX"}} | options))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(StackFileError, match=r"s\.tif: "):
        open_stack(path)


def test_broken_data_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "s.tif"
    save(path, ramp(3, 60, 50), metadata={"axes": "ZYX"}, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[1].dataoffsets[0]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(40))
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.plane(0), ramp(3, 60, 50)[0])
    with pytest.raises(StackFileError, match=r"s\.tif: cannot be read"):
        stack.plane(1)


def test_tiles_that_are_not_listed_are_missed_at_once(tmp_path):
    """Each of a million would be asked for, one after the other."""
    path = tmp_path / "s.tif"
    save(path, ramp(3, 32, 32), tile=(16, 16), compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tif:
        tags = [page.tags[name] for page in tif.pages for name in ("ImageWidth", "ImageLength")]
        places = [tag.valueoffset for tag in tags]
    content = bytearray(path.read_bytes())
    for place in places:
        content[place : place + 2] = (16_000).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(StackFileError, match=r"s\.tif: .* lists 4 of the 1000000 tiles"):
        open_stack(path).plane(0)


@pytest.mark.parametrize("content", [b"", b"hello, no TIFF", b"II*\0\0\0\0\0"])
def test_other_content_is_an_error_that_names_the_file(tmp_path, content):
    (tmp_path / "s.tif").write_bytes(content)
    with pytest.raises(StackFileError, match=r"s\.tif: "):
        open_stack(tmp_path / "s.tif")


@pytest.mark.parametrize("z", [-1, 3])
def test_planes_outside(tmp_path, z):
    save(tmp_path / "s.tif", ramp(3, 6, 5), metadata={"axes": "ZYX"})
    with pytest.raises(IndexError, match="outside 0 to 2"):
        open_stack(tmp_path / "s.tif").plane(z)


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes")
def test_imagej_beyond_4_gb_with_one_page_header(tmp_path):
    path = tmp_path / "s.tif"
    shape = (70, 8192, 8192)
    with pytest.warns(UserWarning, match="truncating ImageJ file"):
        tifffile.imwrite(path, shape=shape, dtype="uint8", imagej=True, metadata={"axes": "ZYX"})
    with path.open("r+b") as file:
        file.seek(-8192 * 8192 + 5 * 8192 + 7, 2)
        file.write(b"\xc8")
    stack = open_stack(path)
    assert stack.shape == shape
    part = stack.region(69, slice(4, 7), slice(6, 9))
    assert part.tolist() == [[0, 0, 0], [0, 200, 0], [0, 0, 0]]


PIXELS = {
    "DimensionOrder": "XYZCT",
    "Type": "uint16",
    "SizeX": "5",
    "SizeY": "6",
    "SizeZ": "3",
    "SizeC": "1",
}


def ome_with(**pixels):
    told = " ".join(f'{name}="{value}"' for name, value in pixels.items())
    schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    image = f'<Image ID="Image:0"><Pixels {told}><TiffData/></Pixels></Image>'
    return f'<OME xmlns="{schema}">{image}</OME>'


NOT_UNDERSTOOD = {
    "cut": ("<OME><Image></OME>", "broken"),
    "empty": ("<OME><BinaryOnly/></OME>", "broken"),
    **{
        f"no {name}": (
            ome_with(**{key: value for key, value in PIXELS.items() if key != name}, SizeT=1),
            name,
        )
        for name in ("SizeZ", "SizeX", "DimensionOrder")
    },
    "words": (ome_with(**{**PIXELS, "SizeZ": "three"}, SizeT=1), "three"),
    "elsewhere": (
        ome_with().replace("<Image", '<BinaryOnly MetadataFile="a.ome"/><Image'),
        "a.ome",
    ),
}


@pytest.mark.parametrize("kind", NOT_UNDERSTOOD)
def test_pages_that_ome_does_not_describe(tmp_path, kind):
    xml, reason = NOT_UNDERSTOOD[kind]
    path = tmp_path / "s.ome.tif"
    save(path, ramp(3, 6, 5), metadata=None, description=xml)
    with pytest.raises(StackFileError, match=rf"s\.ome\.tif: its .*{reason}.*--z-axis I\)"):
        open_stack(path)
    np.testing.assert_array_equal(np.stack(list(open_stack(path, z_axis="i"))), ramp(3, 6, 5))
    with pytest.warns(UserWarning, match="pages are shown in their order"):
        ((data, attributes, _),) = read_layers(path)
    np.testing.assert_array_equal(data, ramp(3, 6, 5))
    assert attributes["axis_labels"] == ("unknown", "y", "x")


def test_a_plane_needs_no_ome_header(tmp_path):
    for z in range(3):
        save(
            tmp_path / f"z{z}.ome.tif", ramp(6, 5) + z, metadata=None, description=ome_with(SizeX=5)
        )
    assert open_stack(tmp_path).plane(2)[0, 0] == 2


def test_ome_that_promises_more_planes_than_there_are(tmp_path):
    path = tmp_path / "s.ome.tif"
    blocks = "".join(f'<TiffData FirstZ="{z}" IFD="{z}" PlaneCount="1"/>' for z in range(2))
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="5" SizeY="6" '
        f'SizeZ="4" SizeC="1" SizeT="1">{blocks}</Pixels></Image></OME>'
    )
    save(path, ramp(2, 6, 5), metadata=None, description=xml)
    stack = open_stack(path)
    np.testing.assert_array_equal(np.stack(list(stack)), ramp(2, 6, 5))
    assert stack.source_notes[0].endswith("2 of 4 planes are used")


def test_a_region_of_an_uncompressed_plane_costs_no_plane(tmp_path):
    save(tmp_path / "s.tif", ramp(2, 1000, 1000), metadata=None)
    stack = open_stack(tmp_path / "s.tif")
    tracemalloc.start()
    part = stack.region(1, slice(10, 20), slice(30, 40))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(part, ramp(2, 1000, 1000)[1, 10:20, 30:40])
    assert peak < 200_000


def test_pages_that_are_rows_of_an_array_in_another_order_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", np.zeros((40, 36, 5), np.uint8), photometric="minisblack")
    (note,) = open_stack(tmp_path / "s.tif").source_notes
    assert "taken as 40 planes of 36 × 5 pixels; if its last axis counts planes" in note
