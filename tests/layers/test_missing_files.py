"""Files that are gone are noticed before the work, not in the middle of it."""

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import fuse_layer, iter_fuse_layer
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import FILE_KEY, PLANE_FILES_KEY, read_layers
from napari_umis_fusion.files.read import _grid_layers


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder of planes that are read only when they are needed."""
    monkeypatch.setattr(_grid_layers, "LAZY_BYTES", 100)
    made = tmp_path / "planes"
    made.mkdir()
    for z, plane in enumerate(np.random.default_rng(0).integers(0, 255, (6, 32, 40), np.uint8)):
        tifffile.imwrite(made / f"z{z}.tif", plane)
    return made


def test_lazy_layers_know_their_files(folder):
    ((data, attributes, _),) = read_layers(folder)
    assert not isinstance(data, np.ndarray)
    files = attributes["metadata"][FILE_KEY][PLANE_FILES_KEY]
    assert files == [str(folder / f"z{z}.tif") for z in range(6)]


def test_missing_files_are_named_before_any_plane_is_read(folder):
    (layer,) = read_layers(folder)
    for z in (1, 2, 4, 5):
        (folder / f"z{z}.tif").unlink()
    events = iter_fuse_layer(layer[:2], focus_measure="laplacian")
    next(events)
    with pytest.raises(StackFileError, match=r"4 of its 6 files are missing: 'z1\.tif', 'z2"):
        next(events)


def test_all_files_there_and_layers_in_memory_are_fused(folder):
    (layer,) = read_layers(folder)
    assert fuse_layer(layer[:2], focus_measure="laplacian")
    data, attributes = np.asarray(layer[0]), layer[1]
    for file in folder.iterdir():
        file.unlink()
    assert fuse_layer((data, attributes), focus_measure="laplacian")


@pytest.mark.parametrize("about", [None, "text", {}, {"path": None}, {"path": 3}, {"path": [5]}])
def test_metadata_of_others_says_nothing(about):
    data = np.zeros((3, 16, 16), np.uint8).view(np.recarray)  # not a plain array in memory
    assert fuse_layer((data, {"metadata": {FILE_KEY: about}}), focus_measure="laplacian")
