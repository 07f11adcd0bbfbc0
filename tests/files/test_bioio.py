"""Files of microscope programs, read by bioio: a real format, and whatever a plugin may give."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from lif_file import write_lif
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import describe_file, open_stack, read_layers
from napari_umis_fusion.files.read import _listing, _other_formats, can_read
from napari_umis_fusion.stack import Calibration

pytest.importorskip("bioio_lif")
da = pytest.importorskip("dask.array")
xr = pytest.importorskip("xarray")

RNG = np.random.default_rng(0)
MANY = RNG.integers(0, 255, (2, 5, 2, 30, 40), np.uint8)
ONE = RNG.integers(0, 60000, (4, 20, 24), np.uint16)


@pytest.fixture
def lif(tmp_path):
    return write_lif(tmp_path / "cells.lif", many=("TZCYX", MANY), one=("ZYX", ONE))


def test_planes_sizes_and_names_of_a_scene(lif):
    stack = open_stack(lif, index={"series": 0, "T": 1})
    assert stack.shape == (5, 30, 40, 2)
    assert stack.channel_names == ("Green", "Red")
    assert stack.calibration == Calibration(2.0, 0.5, 0.5)
    assert stack.sources == (str(lif),)
    expected = np.moveaxis(MANY[1], 1, -1)
    assert all((stack.plane(z) == expected[z]).all() for z in range(5))
    part = stack.region(3, slice(4, 9), slice(30, 40))
    assert (part == expected[3, 4:9, 30:]).all()
    one = open_stack(lif, index={"series": 0, "T": 0, "C": 1})
    assert (one.plane(2) == MANY[0, 2, 1]).all()
    assert one.channel_names == ("Red",)
    along_t = open_stack(lif, z_axis="T", index={"series": 0, "Z": 1, "C": 0})
    assert (along_t.plane(1) == MANY[1, 1, 0]).all()
    assert along_t.calibration.z_step_um is None
    with pytest.raises(IndexError, match="plane 5 is outside 0 to 4"):
        stack.plane(5)


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (None, r"cells\.lif: holds 2 scenes: 0 \(many\), 1 \(one\)\. Select one: .*--scene 0"),
        ({"series": 2}, "index series=2 is outside 0 to 1"),
        ({"series": 0}, r"more than one stack\. Select one: .*--index T=0"),
        ({"series": 1, "T": 1}, r"index names axis 'T'; the axes are Z \(4\)"),
    ],
)
def test_what_must_be_chosen(lif, index, text):
    with pytest.raises(StackFileError, match=text):
        open_stack(lif, index=index)


def test_a_folder_or_pattern_with_one_file_stands_for_it(lif):
    assert open_stack(lif.parent, index={"series": 1}).shape == ONE.shape
    assert open_stack(lif.parent / "*.lif", index={"series": 1}).shape == ONE.shape
    other = write_lif(lif.parent / "b.lif", one=("ZYX", ONE))
    with pytest.raises(StackFileError, match=r"holds no image.*Name one \.lif file, or .* batch"):
        open_stack(lif.parent)
    with pytest.raises(StackFileError, match=r"cells\.lif: is no plane of a stack.*open it alone"):
        open_stack([lif, other])


def test_descriptions(lif):
    told = describe_file(lif)
    assert (told["axes"], told["series"], told["planes"]) == ("TCZYX", 2, None)
    assert "holds 2 scenes" in told["choose"]
    one = describe_file(write_lif(lif.parent / "one.lif", one=("ZYX", ONE)))
    assert (one["kind"], one["planes"], one["z_step_um"]) == ("LIF file, read by bioio", 4, 2.0)
    assert "choose" not in one


@pytest.mark.parametrize("lazy_bytes", [0, 2**40])
def test_layers(lif, monkeypatch, lazy_bytes):
    monkeypatch.setattr("napari_umis_fusion.files.read._bioio_layers.LAZY_BYTES", lazy_bytes)
    layers = read_layers(lif)
    names = [attributes["name"] for _, attributes, _ in layers]
    assert names == ["cells many Green", "cells many Red", "cells one"]
    data, attributes, kind = layers[1]
    assert hasattr(data, "chunks") == (lazy_bytes == 0)
    assert (np.asarray(data) == MANY[:, :, 1]).all()
    assert attributes["axis_labels"] == ("t", "z", "y", "x")
    assert attributes["scale"] == (1.0, 2.0, 0.5, 0.5)
    assert attributes["units"] == ("pixel", "um", "um", "um")
    assert attributes["metadata"]["umis_fusion_file"]["series"] == 0
    assert kind == "image"
    assert not can_read(lif), "napari asks its plugin"


def test_a_file_that_changes_is_noticed(lif):
    stack = open_stack(lif, index={"series": 1})
    os.utime(lif, (1, 1))
    with pytest.raises(StackFileError, match=r"cells\.lif: was replaced or changed"):
        stack.plane(0)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x70\0\0\0" + bytes(300)])
def test_broken_files(tmp_path, content):
    (tmp_path / "a.lif").write_bytes(content)
    with pytest.raises(StackFileError, match=r"a\.lif: cannot be read by the plugin of bioio"):
        open_stack(tmp_path / "a.lif")
    whole = write_lif(tmp_path / "b.lif", one=("ZYX", ONE)).read_bytes()
    (tmp_path / "b.lif").write_bytes(whole[:-3000])
    with pytest.raises(StackFileError, match=r"b\.lif: cannot be read"):
        list(open_stack(tmp_path / "b.lif"))


def test_a_header_that_claims_millions_of_planes(tmp_path):
    about = {"strides": ONE.strides, "itemsize": 2, "nbytes": ONE.nbytes, "tobytes": ONE.tobytes}
    claim = SimpleNamespace(shape=(9_999_999, *ONE.shape[1:]), **about)
    path = write_lif(tmp_path / "a.lif", one=("ZYX", claim))
    with pytest.raises(StackFileError, match=r"a\.lif: claims an image of .* cannot hold"):
        open_stack(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.nd2", r"\[bioio\]\", then restart"),
        ("a.CZI", r"\[bioio\]\" bioio-czi \(GPL 3\), then restart"),
        ("a.oib", r"\[bioio\]\" bioio-bioformats \(of which Bio-Formats is under GPL 2\)"),
    ],
)
def test_what_to_install(tmp_path, monkeypatch, name, text):
    path = tmp_path / name
    path.write_bytes(b"nothing")
    monkeypatch.setattr(_other_formats, "are_installed", lambda names: names == ("bioio",))
    with pytest.raises(StackFileError, match=f"no plugin of bioio here reads .*{text}"):
        open_stack(path)
    monkeypatch.setattr(_listing, "bioio_is_installed", lambda: False)
    monkeypatch.setattr(_other_formats, "bioio_is_installed", lambda: False)
    with pytest.raises(StackFileError, match=f"which is not installed; .*{text}.*as OME-TIFF"):
        open_stack(path)


def reader_of(dims, data, **about):
    """Return a plugin of bioio that gives these axes."""

    class Reader:
        def __init__(self, path):
            self.scenes = ("only",)
            self.dims = SimpleNamespace(order=dims)
            self.physical_pixel_sizes = about.get("sizes", (None, None, None))

        def set_scene(self, number):
            self.xarray_dask_data = xr.DataArray(data, dims=list(dims))

        @property
        def mosaic_xarray_dask_data(self):
            raise NotImplementedError

        @property
        def channel_names(self):
            raise ValueError("a header of a vendor")

        @property
        def dimension_properties(self):
            unit = SimpleNamespace(unit=about.get("unit"))
            return SimpleNamespace(Z=unit, Y=unit, X=unit)

    return Reader


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Open what a plugin gives."""
    bioio = pytest.importorskip("bioio")
    path = tmp_path / "a.nd2"

    def open_as(dims, data, index=None, **about):
        path.write_bytes(b"x" * (1 + len(os.listdir(tmp_path))) + dims.encode())
        reader = reader_of(dims, data, **about)
        plugin = SimpleNamespace(metadata=SimpleNamespace(get_reader=lambda: reader))
        monkeypatch.setattr(bioio.BioImage, "determine_plugin", lambda _: plugin)
        return open_stack(path, index=index)

    return open_as


@pytest.mark.parametrize("chunks", [-1, (1, 1, 7, 8), (2, 1, 4, 3), (1, 2, -1, -1)])
def test_any_chunks_and_order_of_axes(opened, chunks):
    data = RNG.integers(0, 99, (2, 3, 7, 8), np.int64)
    stack = opened("CZYX", da.from_array(data, chunks))
    assert (stack.shape, stack.dtype) == ((3, 7, 8, 2), np.int32)
    assert (np.stack(list(stack)) == np.moveaxis(data, 0, -1)).all()
    assert (stack.region(1, slice(2, 5), slice(0, 3)) == np.moveaxis(data, 0, -1)[1, 2:5, :3]).all()
    turned = opened("XZYC", da.from_array(data.T.copy().transpose(0, 2, 1, 3), -1))
    assert (turned.plane(2) == np.moveaxis(data, 0, -1)[2]).all()


def test_colour_tiles_and_units(opened):
    data = RNG.integers(0, 99, (2, 3, 7, 8, 3), np.uint8)
    array = da.from_array(data, (1, 1, 7, 8, 3))
    with pytest.raises(StackFileError, match=r"axes are M \(2\), Z \(3\).*--index M=0"):
        opened("MZYXS", array)
    stack = opened("MZYXS", array, {"M": 1}, sizes=(1.0, -0.1, 0), unit="millimeter")
    assert stack.rgb
    assert (stack.plane(2) == data[1, 2]).all()
    assert stack.calibration == Calibration(1000.0, 100.0, None)
    assert stack.channel_names == ()
