"""`umis-fusion compare`."""

import csv
import json

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import FusionConfig, fuse, write_image
from napari_umis_fusion.cli import main
from napari_umis_fusion.cli._compare_command import _told
from napari_umis_fusion.compare import Candidate, ComparedRow, Comparison
from napari_umis_fusion.presets import Preset, save_preset
from napari_umis_fusion.synthetic import make_stack


@pytest.fixture
def folder(tmp_path):
    """A folder of planes; tables and images go beside it."""
    (tmp_path / "planes").mkdir()
    for z, plane in enumerate(make_stack("discs", (40, 48), planes=4, channels=None).stack):
        write_image(tmp_path / "planes" / f"z{z}.png", plane)
    return tmp_path


def run(capsys, folder, *words):
    code = main(["compare", str(folder / "planes"), *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_table_has_a_row_for_each_way(folder, capsys):
    own = save_preset(Preset("mine", options={"focus_measure": "variance"}), folder / "p.json")
    words = ("--presets", "thin transmitted", "--configs", own, "--measures", "tenengrad")
    code, out, _ = run(capsys, folder, *words, "--blends", "select", "weighted", "--json")
    found = json.loads(out)
    assert code == 0
    assert [row["name"] for row in found["rows"]] == [
        *("thin transmitted", "mine", "tenengrad, select", "tenengrad"),
    ]
    assert all(row["agreement"] is not None for row in found["rows"])
    assert found["shape"] == [4, 40, 48]


def test_images_and_tables_are_written(folder, capsys):
    words = ("--measures", "laplacian", "tenengrad", "--region", "4:36,8:48", "--sort", "name")
    files = ("--csv", folder / "t.csv", "--out", folder / "out")
    code, out, _ = run(capsys, folder, *words, *files)
    assert code == 0
    assert "shown focus" in out
    assert "Never rank fusions of a stack by it." in out
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "comparison.csv",
        *(
            f"{n}-{k}.ome.tif"
            for n in ("laplacian", "tenengrad")
            for k in ("all-in-focus", "index-map")
        ),
    ]
    with (folder / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["laplacian", "tenengrad"]
    image = tifffile.imread(folder / "out" / "laplacian-all-in-focus.ome.tif")
    assert image.shape == (32, 40)


def test_options_are_those_of_all_ways(folder, capsys):
    words = ("--measures", "laplacian", "tenengrad", "--verification", "none", "--json")
    _, out, _ = run(capsys, folder, *words)
    assert {row["options"]["verification"] for row in json.loads(out)["rows"]} == {"none"}


def test_a_way_that_fails_does_not_end_the_others(folder, capsys):
    words = ("--measures", "laplacian", "--channel", "2", "--json")
    code, out, err = run(capsys, folder, *words)
    assert code == 1
    assert "accepted is 0: channels" in json.loads(out)["rows"][0]["reason"]
    assert "every way failed" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--presets", "none such"), 2, "there is no preset"),
        (("--configs", "missing.json"), 2, "missing.json"),
        (
            ("--measures", "tenengrad", "--focus-measure", "umis"),
            2,
            "--focus-measure with --measures",
        ),
        (("--checkpoints", "no model"), 1, "no model"),
        (("--region", "4-36,8-48"), 2, "--region 4-36,8-48; accepted are rows and columns"),
        (("--region", "0:99,0:9"), 1, "planes of 40 x 48 px"),
        (("--csv", "table.txt"), 1, "accepted is a file name that ends in .csv"),
        (("--out", "planes/z0.png"), 2, "is a file; accepted is a folder"),
        (("--out", "planes/z0.png/a"), 1, "planes/z0.png/a: cannot be written"),
    ],
)
def test_bad_input_is_refused_before_any_work(folder, capsys, monkeypatch, words, code, message):
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    given, out, err = run(capsys, folder, *words)
    assert (given, out) == (code, "")
    assert message in err
    assert sorted(folder.rglob("*")) == before


def test_what_is_finished_is_kept_when_interrupted(folder, capsys, monkeypatch):
    from napari_umis_fusion.compare import _compare

    real, calls = _compare.iter_fuse_region, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(_compare, "iter_fuse_region", interrupted)
    words = ("--measures", "laplacian", "tenengrad", "--csv", folder / "t.csv")
    code, out, err = run(capsys, folder, *words)
    assert code == 130
    assert "interrupted" in err
    assert "laplacian" in out
    assert "tenengrad" not in out
    assert len((folder / "t.csv").read_text("utf-8-sig").splitlines()) == 2


def test_what_is_true_of_all_is_told_once():
    notes = {"a": ("of the files",), "b": ("of the files", "of b alone")}
    rows = [ComparedRow(Candidate(name, FusionConfig()), notes=notes[name]) for name in notes]
    failed = ComparedRow(Candidate("c", FusionConfig()), "why")
    told = _told(Comparison((*rows, failed), (4, 40, 48)))
    assert told == {"of the files": [], "of b alone": ["b"]}


def test_an_image_is_the_one_that_fuse_makes(folder, capsys):
    run(capsys, folder, "--measures", "laplacian", "--out", folder / "out")
    alone = fuse(folder / "planes", FusionConfig("laplacian"))
    written = tifffile.imread(folder / "out" / "laplacian-all-in-focus.ome.tif")
    np.testing.assert_array_equal(written, alone.all_in_focus)
