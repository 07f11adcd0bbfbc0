"""Inputs whose values change in place, under a description that stays."""

import os
import shutil

import fsspec
import numpy as np
import pytest
import zarr

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import stored_values
from napari_umis_fusion.scale import ZarrProgress, fuse_zarr, iter_fuse_zarr


def test_values_that_change_in_place_are_noticed(tmp_path, a_stack, write_image):
    data = np.stack([a_stack(64, 70, planes=3, seed=seed)[0] for seed in range(2)])
    source, output = write_image(tmp_path / "in", data, "tzyx"), tmp_path / "out"
    options = {"focus_measure": "laplacian"}
    fuse_zarr(source, output, **options)
    array = zarr.open_array(str(source / "0"))
    array[1, 0] = array[1, 0][::-1]
    with pytest.raises(
        StackFileError, match=r"values of the input have changed.* remove .*image to"
    ):
        fuse_zarr(source, output, **options)
    shutil.rmtree(output / "umis-fusion" / "image")
    assert fuse_zarr(source, output, **options).fused == ("time 0", "time 1")
    expected = fuse(array[1], focus_measure="laplacian").all_in_focus
    np.testing.assert_array_equal(zarr.open_array(str(output / "0"))[1, 0], expected)


def test_values_that_change_while_they_are_fused(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "in", a_stack(64, 70, planes=3)[0], "zyx")
    steps = iter_fuse_zarr(source, tmp_path / "out", focus_measure="laplacian")
    next(event for event in steps if isinstance(event, ZarrProgress))
    chunk = next(path for path in (source / "0" / "c").rglob("*") if path.is_file())
    os.utime(chunk, (1, 1))
    with pytest.raises(StackFileError, match="or while they were"):
        list(steps)


def test_values_at_addresses():
    files = fsspec.filesystem("memory")
    files.pipe({"/stamps/0/c/0": b"one", "/stamps/0/c/1": b"two"})
    first = stored_values("memory://stamps/0")
    assert first == stored_values("memory://stamps/0")
    files.pipe("/stamps/0/c/1", b"too")
    assert stored_values("memory://stamps/0") not in ("", first)
    assert stored_values("https://example.org/0") == ""
