"""What is wrong with a file is said once, by this package, and not by tifffile as well."""

import contextlib

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import open_stack, read_layers
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import describe_file, holds_stack
from napari_umis_fusion.plugin.io import get_reader


def readers():
    return [open_stack, read_layers, describe_file, holds_stack, get_reader]


@pytest.mark.filterwarnings("ignore")  # notes of this package
@pytest.mark.parametrize("seed", range(4))
def test_damaged_headers_are_read_in_silence(tmp_path, seed, caplog):
    rng = np.random.default_rng(seed)
    path = tmp_path / "s.ome.tif"
    tifffile.imwrite(path, np.zeros((3, 6, 5), "uint8"), ome=True, metadata={"axes": "ZYX"})
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    logged = 0
    for _ in range(12):
        damaged = whole.copy()
        damaged[rng.integers(8, 400, 4)] = rng.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes()[: rng.integers(300, len(whole) + 1)])
        for read in readers():
            with contextlib.suppress(Exception):
                read(path)
        assert caplog.records == []
        with contextlib.suppress(Exception), tifffile.TiffFile(path) as tif:
            assert len(tif.series) >= 0
        logged += len(caplog.records)
        caplog.clear()
    assert logged, "others still hear of it"


def test_damaged_planes_of_a_folder_are_read_in_silence(tmp_path, caplog):
    for z in range(3):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.zeros((60, 50), "uint8"))
    whole = (tmp_path / "z1.tif").read_bytes()
    (tmp_path / "z1.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StackFileError, match=r"z1\.tif"):
        open_stack(tmp_path)
    assert caplog.records == []
