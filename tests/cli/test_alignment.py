"""`umis-fusion fuse` with planes that do not lie on one another."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import open_stack
from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.cli import main
from napari_umis_fusion.synthetic import Motion, RenderConfig, render_moving_stack

FAST = ["--focus-measure", "laplacian"]


@pytest.fixture(scope="module")
def moving():
    config = RenderConfig(planes=4, base_blur_px=0.8)
    return render_moving_stack("bumps", (140, 180), Motion(drift_px=(8, -6)), config, None)


@pytest.fixture
def here(tmp_path, monkeypatch, moving):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("stack.tif", moving.stack, photometric="minisblack", metadata={"axes": "ZYX"})
    return tmp_path


def test_the_table_is_written_and_used_again(here, moving, capsys):
    options = ["fuse", "stack.tif", *FAST]
    assert main([*options, "-o", "a.tif", "--align", "auto", "--save-transforms", "t.csv"]) == 0
    said = capsys.readouterr().out
    assert "note: 3 of 4 planes were moved (translation)" in said
    assert "transforms: t.csv" in said
    assert Alignment.load("t.csv").moved == (0, 1, 3)
    assert main([*options, "-o", "b.tif", "--transforms", "t.csv", "--json"]) == 0
    provenance = json.loads(capsys.readouterr().out)["provenance"]
    assert provenance["alignment"]["model"] == "translation"
    first, again = (open_stack(name).plane(0) for name in ("a.tif", "b.tif"))
    assert np.array_equal(first, again)
    assert first.shape < moving.stack.shape[1:], "cropped to what all planes show"


def test_mask_keeps_the_size(here, moving, capsys):
    options = ["--align", "auto", "--align-border", "mask", "-o", "a.tif"]
    assert main(["fuse", "stack.tif", *FAST, *options]) == 0
    assert open_stack("a.tif").shape[1:] == moving.stack.shape[1:]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--save-transforms", "t.csv"], "without alignment; add --align auto"),
        (["--align", "auto", "--save-transforms", "t.txt"], "a file name that ends in .csv"),
        (
            ["--align", "auto", "--save-transforms", "no/t.csv"],
            "does not exist; make it first",
        ),
        (["--transforms", "missing.csv"], "missing.csv: no table of transforms"),
        (["--align", "sideways"], "got 'sideways'; accepted are"),
    ],
)
def test_refusals(options, text, here, capsys):
    try:
        code = main(["fuse", "stack.tif", *FAST, "-o", "a.tif", *options])
    except SystemExit as end:
        code = end.code
    assert code in (1, 2)
    assert text in capsys.readouterr().err
    assert not Path("a.tif").exists()


def test_other_files_are_never_replaced_by_a_table(here, moving, capsys):
    options = ["fuse", "stack.tif", *FAST, "-o", "a.tif"]
    Path("counts.csv").write_text("cell,area\n1,20\n")
    assert main([*options, "--align", "auto", "--save-transforms", "counts.csv"]) == 1
    assert "exists, and is no table of transforms" in capsys.readouterr().err
    assert Path("counts.csv").read_text() == "cell,area\n1,20\n"
    assert main([*options, "--align", "auto", "--save-transforms", "t.csv"]) == 0
    assert main([*options, "--align", "auto", "--save-transforms", "t.csv"]) == 0, "ours is renewed"
    before = Path("t.csv").read_bytes()
    Path("link.csv").symlink_to("t.csv")
    os.link("t.csv", "hard.csv")
    capsys.readouterr()
    for name in ("t.csv", "link.csv", "hard.csv"):
        assert main([*options, "--transforms", "t.csv", "--save-transforms", name]) == 2
        assert f"{name}: is an input, which is never overwritten" in capsys.readouterr().err
    assert Path("t.csv").read_bytes() == before


def test_outputs_that_are_one_file_under_two_names(here, moving, capsys):
    Path("a.tif").touch()
    os.link("a.tif", "b.tif")
    assert main(["fuse", "stack.tif", *FAST, "-o", "a.tif", "--index-map", "b.tif"]) == 2
    assert "two outputs have the path" in capsys.readouterr().err
