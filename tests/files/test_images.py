import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageFile

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._images import read_image, read_image_header

RNG = np.random.default_rng(3)


def noise(*shape, dtype="uint8"):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize(
    ("suffix", "shape"),
    [
        (".png", (6, 5)),
        (".png", (6, 5, 3)),
        (".png", (6, 5, 4)),
        (".bmp", (6, 5)),
        (".bmp", (6, 5, 3)),
        (".webp", (6, 5, 3)),
        (".webp", (6, 5, 4)),
    ],
)
def test_lossless_formats_keep_every_value(tmp_path, suffix, shape):
    path, data = tmp_path / f"p{suffix}", noise(*shape)
    Image.fromarray(data).save(path, **({"lossless": True, "exact": True} if "w" in suffix else {}))
    np.testing.assert_array_equal(read_image(path), data, strict=True)
    header = read_image_header(path)
    assert (header.shape, header.dtype, header.kind) == (shape, np.uint8, suffix[1:].upper())


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (6, 5, 4)])
def test_deep_png_keeps_16_bits(tmp_path, shape):
    path, data = tmp_path / "p.png", noise(*shape, dtype="uint16")
    path.write_bytes(imagecodecs.png_encode(data))
    np.testing.assert_array_equal(read_image(path), data, strict=True)
    assert (read_image_header(path).shape, read_image_header(path).dtype) == (shape, np.uint16)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_opacity_of_grey_is_kept(tmp_path, dtype):
    path, data = tmp_path / "p.png", noise(6, 5, 2, dtype=dtype)
    path.write_bytes(imagecodecs.png_encode(data))
    np.testing.assert_array_equal(read_image(path), data[..., [0, 0, 0, 1]], strict=True)
    assert read_image_header(path).shape == (6, 5, 4)


@pytest.mark.parametrize("colour", [0, 2])
def test_a_deep_value_that_is_transparent_shows_nothing(tmp_path, colour):
    path, data = tmp_path / "p.png", noise(6, 5, *[3] * (colour == 2), dtype="uint16")
    data[2, 1] = 3
    whole = imagecodecs.png_encode(data)
    told = b"tRNS" + b"\0\3" * (3 if colour else 1)
    chunk = struct.pack(">I", len(told) - 4) + told + struct.pack(">I", zlib.crc32(told))
    path.write_bytes(whole[:33] + chunk + whole[33:])  # after the header
    read = read_image(path)
    assert read.shape == read_image_header(path).shape == (6, 5, 4)
    assert (read[2, 1, 3], read[0, 0, 3]) == (0, 65535)


@pytest.mark.parametrize(("shape", "clear"), [((6, 5), 3), ((6, 5, 3), (3, 3, 3))])
def test_a_value_that_is_transparent_shows_nothing(tmp_path, shape, clear):
    path, data = tmp_path / "p.png", noise(*shape)
    data[2, 1] = 3
    Image.fromarray(data).save(path, transparency=clear)
    read = read_image(path)
    assert read.shape == read_image_header(path).shape == (6, 5, 4)
    np.testing.assert_array_equal(read[..., :3], np.broadcast_to(data.T, (3, 5, 6)).T)
    assert read[2, 1, 3] == 0
    assert read[..., 3].max() == 255


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_one_bit_is_bool(tmp_path, suffix):
    path, data = tmp_path / f"p{suffix}", noise(6, 5) > 100
    Image.fromarray(data).save(path)
    np.testing.assert_array_equal(read_image(path), data, strict=True)
    assert read_image_header(path).dtype == bool


@pytest.mark.parametrize(("suffix", "clear"), [(".png", False), (".bmp", False), (".png", True)])
def test_palettes_become_colours(tmp_path, suffix, clear):
    colours = noise(4, 3)
    picks = noise(6, 5) % 4
    image = Image.fromarray(picks).convert("P")
    image.putdata(picks.ravel().tolist())
    image.putpalette(colours.tobytes())
    image.save(tmp_path / f"p{suffix}", **({"transparency": 2} if clear else {}))
    read = read_image(tmp_path / f"p{suffix}")
    np.testing.assert_array_equal(read[..., :3], colours[picks])
    assert read.shape == read_image_header(tmp_path / f"p{suffix}").shape == (6, 5, 3 + clear)
    if clear:
        np.testing.assert_array_equal(read[..., 3] == 0, picks == 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_is_turned_as_exif_says(tmp_path, orientation):
    stored = np.zeros((16, 32), np.uint8)
    stored[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "p.jpg"
    Image.fromarray(stored).save(path, exif=exif, quality=95)
    turned = {
        1: stored,
        2: np.fliplr(stored),
        3: np.rot90(stored, 2),
        4: np.flipud(stored),
        5: stored.T,
        6: np.rot90(stored, -1),
        7: np.rot90(stored, 2).T,
        8: np.rot90(stored),
    }[orientation]
    assert read_image_header(path).shape == turned.shape
    np.testing.assert_array_equal(read_image(path) > 127, turned > 127)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("lenient", [False, True])
def test_truncated_files_are_errors(tmp_path, monkeypatch, suffix, kept, lenient):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    path = tmp_path / f"p{suffix}"
    Image.fromarray(noise(64, 64, 3)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    told = "cannot be read" if kept else "is empty"
    with pytest.raises(StackFileError, match=rf"p\{suffix}: {told}"):
        read_image(path)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is lenient


@pytest.mark.parametrize("kept", [0.3, 0.95])
def test_truncated_deep_png_is_an_error(tmp_path, kept):
    path = tmp_path / "p.png"
    whole = imagecodecs.png_encode(noise(64, 64, 3, dtype="uint16"))
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(StackFileError, match=r"p\.png: cannot be read"):
        read_image(path)


@pytest.mark.parametrize("read", [read_image, read_image_header])
def test_cmyk_is_refused(tmp_path, read):
    Image.new("CMYK", (5, 6)).save(tmp_path / "p.jpg")
    with pytest.raises(StackFileError, match=r"p\.jpg: pixels are CMYK; accepted.*Convert"):
        read(tmp_path / "p.jpg")


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_animations_are_refused(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    frames = [Image.fromarray(noise(6, 5, 3)) for _ in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(StackFileError, match=r"animation of 3 frames"):
        read_image(path)


def test_pillows_limit_is_lifted_and_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.fromarray(noise(20, 20)).save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png").shape == (20, 20)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_missing_file(tmp_path):
    with pytest.raises(
        StackFileError, match=r"none\.png: cannot be read \(No such file .*check the path"
    ):
        read_image(tmp_path / "none.png")
