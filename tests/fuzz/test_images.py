"""Damaged and lying image files: each is read, or refused by an error of this package."""

import io
import os
import re
import struct
import threading
import time
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fuzz.harmless import FUZZ, harmless
from napari_umis_fusion import open_stack, read_layers
from napari_umis_fusion.errors import StackFileError, UmisFusionError
from napari_umis_fusion.files import describe_file
from napari_umis_fusion.plugin.io import get_reader
from napari_umis_fusion.training.data import collect_images

STACK = np.random.default_rng(0).integers(0, 4000, (4, 20, 31), np.uint16)
COLOUR = np.random.default_rng(1).integers(0, 255, (20, 31, 3), np.uint8)
OME = {"axes": "ZYX", "PhysicalSizeZ": 0.5, "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}


def tiff_bytes(data, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, data, **options)
    return file.getvalue()


def pillow_bytes(kind, **options):
    file = io.BytesIO()
    Image.fromarray(COLOUR).save(file, kind, **options)
    return file.getvalue()


GREY = {"photometric": "minisblack"}
WHOLE = {
    "plain.tif": tiff_bytes(STACK, **GREY),
    "ome.ome.tif": tiff_bytes(STACK, ome=True, metadata=OME, **GREY),
    "imagej.tif": tiff_bytes(STACK, imagej=True, metadata={"axes": "ZYX", "spacing": 0.5}),
    "deflate.tif": tiff_bytes(STACK, compression="zlib", **GREY),
    "tiles.tif": tiff_bytes(STACK, tile=(16, 16), compression="lzw", **GREY),
    "big.btf": tiff_bytes(STACK, bigtiff=True, **GREY),
    "colour.tif": tiff_bytes(COLOUR, photometric="rgb"),
    "colour.png": pillow_bytes("PNG"),
    "colour.jpg": pillow_bytes("JPEG"),
    "colour.bmp": pillow_bytes("BMP"),
    "colour.webp": pillow_bytes("WEBP"),
}


def read_all(path):
    """Read all planes of a file in every way that there is."""
    with_stack = open_stack(path)
    for z in range(len(with_stack)):
        with_stack.plane(z)
    for data, _, _ in read_layers(path):
        np.asarray(data)


def damaged(content, draw):
    """Return bytes that were flipped, cut, blanked, extended or replaced by numbers."""
    at = draw(st.integers(0, len(content) - 1))
    kind = draw(st.sampled_from(["flip", "cut", "blank", "insert", "number"]))
    if kind == "flip":
        return content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]
    if kind == "cut":
        return content[:at]
    if kind == "blank":
        return content[:at] + bytes(min(16, len(content) - at)) + content[at + 16 :]
    if kind == "insert":
        return content[:at] + draw(st.binary(min_size=1, max_size=9)) + content[at:]
    number = draw(st.sampled_from([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1]))
    order = draw(st.sampled_from("<>"))
    return content[:at] + struct.pack(f"{order}I", number) + content[at + 4 :]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of decoders about what is broken
@pytest.mark.parametrize("name", WHOLE)
def test_damaged_bytes(name, tmp_path):
    path = tmp_path / name

    @FUZZ
    @given(st.data())
    def check(data):
        path.write_bytes(damaged(WHOLE[name], data.draw))
        harmless(read_all, path)
        harmless(describe_file, path)
        get_reader(str(path))

    check()


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_read(name, tmp_path):
    (tmp_path / name).write_bytes(WHOLE[name])
    read_all(tmp_path / name)


# --- headers that lie


def png(width, height, bits=8, colour=2):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bmp(width, height):
    content = WHOLE["colour.bmp"]
    return content[:18] + struct.pack("<ii", width, height) + content[26:]


def jpeg(width, height):
    content = WHOLE["colour.jpg"]
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def tiff_with(tags, **options):
    """Return a TIFF whose first page's tags are overwritten."""
    content = bytearray(tiff_bytes(STACK[0], **GREY, **options))
    with tifffile.TiffFile(io.BytesIO(content)) as tif:
        page = tif.pages.first
        for code, value in tags.items():
            tag = page.tags[code]
            kind = {3: "<H", 4: "<I"}[int(tag.dtype)]
            struct.pack_into("<H", content, tag.offset + 2, 4)
            struct.pack_into("<I" if kind else kind, content, tag.offset + 8, value)
    return bytes(content)


def ome(**sizes):
    text = WHOLE["ome.ome.tif"]
    for name, value in sizes.items():
        found = re.search(rb"%s=\"(\d+)\"" % name.encode(), text)
        text = text.replace(found[0], b'%s="%d"' % (name.encode(), value))
    xml = tifffile.TiffFile(io.BytesIO(WHOLE["ome.ome.tif"])).ome_metadata
    for name, value in sizes.items():
        xml = re.sub(rf'{name}="\d+"', f'{name}="{value}"', xml)
    return tiff_bytes(STACK, description=xml.encode(), metadata=None, **GREY)


def imagej(images):
    text = f"ImageJ=1.11a\nimages={images}\nslices={images}\n"
    return tiff_bytes(STACK, description=text, metadata=None, **GREY)


LIES = {
    "giant.png": png(100_000, 100_000),
    "deep.png": png(1_000_000, 1_000_000, bits=16),
    "bits.png": png(3_000_000, 3_000_000, bits=1, colour=0),
    "wide.png": png(2**31 - 1, 1),
    "giant.bmp": bmp(3_000_000, 2_000_000),
    "wrong.bmp": bmp(30_000, 20_000),
    "giant.jpg": jpeg(65_000, 65_000),
    "sides.tif": tiff_with({256: 2**31, 257: 2**31}),
    "deflate.tif": tiff_with({256: 200_000, 257: 200_000, 278: 200_000}, compression="zlib"),
    "tile.tif": tiff_with({322: 2**24, 323: 2**24}, tile=(16, 16), compression="zlib"),
    "z.ome.tif": ome(SizeZ=2_000_000_000),
    "t.ome.tif": ome(SizeT=1_000_000_000),
    "zc.ome.tif": ome(SizeZ=100_000, SizeC=100_000),
    "imagej.tif": imagej(2_000_000_000),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.filterwarnings("ignore")
def test_sizes_are_not_believed(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(LIES[name])
    with pytest.raises(StackFileError) as caught:
        read_all(path)
    assert name in str(caught.value)
    assert "MemoryError" not in str(caught.value)
    harmless(describe_file, path)
    get_reader(str(path))
    get_reader([str(path)] * 2)


def test_modulo_of_an_ome_header(tmp_path):
    xml = tifffile.TiffFile(io.BytesIO(WHOLE["ome.ome.tif"])).ome_metadata
    modulo = '<ModuloAlongT Type="lifetime" Start="0" End="1e12" Step="1e-3"/>'
    (tmp_path / "m.ome.tif").write_bytes(
        tiff_bytes(
            STACK,
            description=xml.replace("</Image>", f"{modulo}</Image>").encode(),
            metadata=None,
            **GREY,
        )
    )
    with pytest.raises(StackFileError, match="announces"):
        open_stack(tmp_path / "m.ome.tif")


@pytest.mark.parametrize("size", ["1e-300", "1e300", "nan", "-0", "inf"])
def test_odd_pixel_sizes(size, tmp_path):
    xml = tifffile.TiffFile(io.BytesIO(WHOLE["ome.ome.tif"])).ome_metadata
    xml = re.sub(r'PhysicalSize([XYZ])="[^"]*"', rf'PhysicalSize\1="{size}"', xml)
    path = tmp_path / "p.ome.tif"
    path.write_bytes(tiff_bytes(STACK, description=xml.encode(), metadata=None, **GREY))
    read_all(path)
    stack = open_stack(path)
    for one in (stack.calibration.z_step_um, stack.calibration.pixel_width_um):
        assert one is None or 1e-6 < one < 1e6, "no size that a microscope has"


def test_planes_beyond_what_an_index_map_counts(tmp_path):
    path = tmp_path / "many.tif"
    planes = np.zeros((70_000, 2, 2), np.uint8)
    tifffile.imwrite(path, planes, imagej=True, truncate=True, metadata={"axes": "ZYX"})
    with pytest.raises(UmisFusionError, match="70000 planes"):
        open_stack(path)


# --- what is no file


def in_time(call, seconds=20):
    """Call in a thread that may hang; return what it raised, or None."""
    raised = []

    def run():
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits for a pipe"
    return raised[0] if raised else None


@pytest.mark.parametrize("name", ["z1.tif", "z1.png", "z1.jpg"])
def test_pipes_and_devices_are_not_waited_for(name, tmp_path):
    for z in (0, 2):
        Image.fromarray(COLOUR).save(tmp_path / name.replace("1", str(z)))
    pipe = tmp_path / name
    os.mkfifo(pipe)
    assert isinstance(in_time(lambda: open_stack(pipe)), StackFileError)
    assert isinstance(in_time(lambda: read_layers(str(pipe))), StackFileError)
    assert isinstance(in_time(lambda: describe_file(pipe)), StackFileError)
    assert in_time(lambda: get_reader(str(pipe))) is None
    assert in_time(lambda: get_reader(str(tmp_path))) is None
    assert isinstance(in_time(lambda: read_all(tmp_path)), StackFileError), (
        "a plane would be missing"
    )
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    assert isinstance(in_time(lambda: open_stack(pipe)), StackFileError)
    assert isinstance(in_time(lambda: read_all(tmp_path)), StackFileError)


def test_a_pipe_among_the_files_of_a_set(tmp_path):
    names = [tmp_path / f"s_{z}.ome.tif" for z in range(3)]
    uuids = [f"urn:uuid:{z:08d}-0000-0000-0000-000000000000" for z in range(3)]
    planes = "".join(
        f'<TiffData FirstZ="{z}" PlaneCount="1"><UUID FileName="{p.name}">{u}</UUID></TiffData>'
        for z, (p, u) in enumerate(zip(names, uuids, strict=True))
    )
    for z, (path, uuid) in enumerate(zip(names, uuids, strict=True)):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}"><Image '
            f'ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="31" '
            f'SizeY="20" SizeZ="3" SizeC="1" SizeT="1">{planes}</Pixels></Image></OME>'
        )
        tifffile.imwrite(path, STACK[z], description=xml.encode(), metadata=None, **GREY)
    assert len(open_stack(names[0])) == 3
    names[1].unlink()
    os.mkfifo(names[1])
    assert isinstance(in_time(lambda: read_all(names[0])), StackFileError)
    assert in_time(lambda: get_reader(str(names[0]))) is None


def test_folders_that_link_to_themselves(tmp_path):
    (tmp_path / "a").mkdir()
    for k in range(3):
        image = np.random.default_rng(k).integers(0, 255, (66, 70), np.uint8)
        Image.fromarray(image).save(tmp_path / "a" / f"p{k}.png")
    for k in range(8):
        (tmp_path / "a" / f"again{k}").symlink_to(tmp_path)
    start = time.monotonic()
    images = collect_images(tmp_path)
    assert len(images) == 3, "each image once"
    assert time.monotonic() - start < 60


def test_every_exception_of_a_decoder_becomes_ours(tmp_path, monkeypatch):
    paths = {name: tmp_path / name for name in ("plain.tif", "deflate.tif", "colour.png")}
    for name, path in paths.items():
        path.write_bytes(WHOLE[name])
    kinds = (
        *(ValueError, TypeError, KeyError, IndexError, AssertionError, ZeroDivisionError),
        *(OverflowError, MemoryError, RecursionError, SystemError, NotImplementedError, OSError),
        *(UnicodeError, AttributeError, EOFError, struct.error, zlib.error, RuntimeError),
    )
    for kind in kinds:

        def fail(*args, kind=kind, **options):
            raise kind("x" * 9999 + "\nsecond line")

        for name, path in paths.items():
            target = Image if name.endswith("png") else tifffile.TiffPage
            with monkeypatch.context() as patch:
                patch.setattr(target, "open" if target is Image else "asarray", fail)
                patch.setattr(np, "fromfile", fail)
                with pytest.raises(UmisFusionError, match=re.escape(name)) as caught:
                    read_all(path)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 900
