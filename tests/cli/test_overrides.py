"""`umis-fusion fuse --overrides`."""

import json

import numpy as np
import tifffile

from napari_umis_fusion import open_stack
from napari_umis_fusion.cli import main


def test_planes_are_chosen_by_an_image(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    tifffile.imwrite("stack.tif", stack, photometric="minisblack", metadata={"axes": "ZYX"})
    chosen = np.zeros((40, 50), np.uint8)
    chosen[10:20, 10:30] = 2 + 1
    tifffile.imwrite("chosen.tif", chosen, photometric="minisblack")
    options = ["fuse", "stack.tif", "--focus-measure", "laplacian", "--overrides", "chosen.tif"]
    assert main([*options, "-o", "a.tif", "--index-map", "i.tif", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["provenance"]["overrides"]
    assert told["planes"] == {"2": 200}
    part = slice(10, 20), slice(10, 30)
    np.testing.assert_array_equal(open_stack("a.tif").plane(0)[part], stack[2][part])
    assert (open_stack("i.tif").plane(0)[part] == 2).all()
    assert main([*options, "-o", "chosen.tif"]) != 0, "an input is never overwritten"
    tifffile.imwrite("chosen.tif", chosen * 2, photometric="minisblack")
    assert main([*options, "-o", "b.tif"]) != 0
    assert "overrides from 0 to 6" in capsys.readouterr().err
