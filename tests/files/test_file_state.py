"""A file that is replaced while it is open gives an error, not a mixture of two files."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion import open_stack, read_layers
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read import _shown_frames as shown_frames
from napari_umis_fusion.files.read import _tiff_layers as tiff_layers
from napari_umis_fusion.files.read._file_state import FileState
from napari_umis_fusion.files.read._image_files import ImageFiles

GREY = {"photometric": "minisblack", "metadata": {"axes": "ZYX"}}
KINDS = {"plain": {}, "compressed": {"compression": "zlib"}, "tiles": {"tile": (16, 16)}}


def save(path, value, **options):
    tifffile.imwrite(path, np.full((3, 16, 16), value, "uint8"), **GREY, **options)


def later(path):
    """Let a file be changed a second later than it was."""
    found = os.stat(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 10**9))


def replaced(path, options, late=True):
    new = path.with_name("new.tif")
    save(new, 9, **options)
    found = os.stat(path)
    later(new) if late else os.utime(new, ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace(new, path)


def rewritten(path, options):
    save(path, 9, **options)
    later(path)


def values_or_error(read):
    try:
        return np.unique(read()).tolist()
    except StackFileError as error:
        return str(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [replaced, rewritten])
def test_a_changed_file_is_told(tmp_path, kind, change, monkeypatch):
    monkeypatch.setattr(tiff_layers, "LAZY_BYTES", 0)
    path = tmp_path / "s.tif"
    save(path, 1, **KINDS[kind])
    stack, ((lazy, _, _),) = open_stack(path), read_layers(path)
    assert stack.plane(0).max() == 1
    stack.close()
    change(path, KINDS[kind])
    for read in (lambda: stack.plane(1), lambda: np.asarray(lazy[1])):
        found = values_or_error(read)
        # a handle that is still open reads the old file
        is_old = change is replaced and found == [1]
        assert is_old or "s.tif: was replaced or changed since it was opened" in found
    assert open_stack(path).plane(1).max() == 9


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_the_same_time_and_size_is_another(tmp_path, kind):
    path = tmp_path / "s.tif"
    save(path, 1, **KINDS[kind])
    stack = open_stack(path)
    stack.close()
    replaced(path, KINDS[kind], late=False)
    assert "was replaced or changed" in values_or_error(lambda: stack.plane(1))


def test_a_file_of_another_number_is_the_same_if_its_time_can_be_trusted():
    old = FileState(100, 5, number=1)
    old.check(FileState(100, 5, number=2))
    for now in FileState(100, 6, number=1), FileState(99, 5, number=1), FileState(101, 5, number=2):
        with pytest.raises(StackFileError, match="was replaced"):
            old.check(now)
    with pytest.raises(StackFileError, match="was replaced"):
        replace(old, is_fresh=True).check(FileState(100, 5, number=2))


def test_a_file_is_fresh_for_two_seconds(tmp_path):
    path = tmp_path / "a"
    path.touch()
    assert FileState.of(path).is_fresh
    os.utime(path, ns=(0, time.time_ns() - 3 * 10**9))
    assert not FileState.of(path).is_fresh


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_replaced_while_it_is_opened_is_told(tmp_path, kind, monkeypatch):
    path = tmp_path / "s.tif"
    save(path, 1, **KINDS[kind])

    def open_and_replace(tif, *arguments):
        replaced(path, KINDS[kind])
        return opened(tif, *arguments)

    opened = shown_frames.open_frames
    monkeypatch.setattr(shown_frames, "open_frames", open_and_replace)
    stack = open_stack(path)
    stack.close()
    assert "was replaced or changed" in values_or_error(lambda: stack.plane(1))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_plane_that_is_replaced_while_it_is_read_is_told(tmp_path, suffix, monkeypatch):
    for z in range(2):
        plane = np.full((16, 16), z, np.uint8)
        path = tmp_path / f"z{z}{suffix}"
        tifffile.imwrite(path, plane) if suffix == ".tif" else Image.fromarray(plane).save(path)
    stack = open_stack(tmp_path)
    read = ImageFiles._read

    def replace_and_read(self, path, *arguments):
        later(path)
        return read(self, path, *arguments)

    monkeypatch.setattr(ImageFiles, "_read", replace_and_read)
    found = values_or_error(lambda: stack.plane(1))
    assert f"z1{suffix}: was replaced or changed since it was opened" in found
    assert found.count(str(tmp_path)) == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_plane_that_was_replaced_is_told(tmp_path, suffix):
    def write(z, value):
        plane = np.full((16, 16), value, np.uint8)
        path = tmp_path / f"z{z}{suffix}"
        tifffile.imwrite(path, plane) if suffix == ".tif" else Image.fromarray(plane).save(path)
        return path

    for z in range(2):
        write(z, 1)
    stack = open_stack(tmp_path)
    later(write(1, 9))
    assert stack.plane(0).max() == 1
    found = values_or_error(lambda: stack.plane(1))
    assert f"z1{suffix}: was replaced or changed since it was opened" in found
    assert open_stack(tmp_path).plane(1).max() == 9


def test_a_file_that_grows_is_the_same(tmp_path):
    path = tmp_path / "s.tif"
    save(path, 1)
    stack = open_stack(path)
    with path.open("ab") as file:
        file.write(bytes(1000))
    later(path)
    assert stack.plane(2).max() == 1


def test_layers_of_two_files_are_never_mixed(tmp_path, monkeypatch):
    path = tmp_path / "s.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for _ in range(2):
            tif.write(np.ones((16, 16), "uint8"))
    whole = path.read_bytes()
    opened = tiff_layers._open_series

    def open_and_replace(*arguments):
        series = opened(*arguments)
        (tmp_path / "new.tif").write_bytes(whole)
        later(tmp_path / "new.tif")
        os.replace(tmp_path / "new.tif", path)
        return series

    monkeypatch.setattr(tiff_layers, "_open_series", open_and_replace)
    with pytest.raises(StackFileError, match=r"s\.ome\.tif: was replaced or changed"):
        read_layers(path)
