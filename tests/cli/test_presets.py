"""`umis-fusion presets`, and `--preset` of `fuse`."""

import json

import pytest

from napari_umis_fusion import write_image
from napari_umis_fusion.cli import main
from napari_umis_fusion.presets import PRESETS, find_preset, saved_presets
from napari_umis_fusion.synthetic import make_stack


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_list(capsys):
    assert main(["presets", "list"]) == 0
    printed = capsys.readouterr().out
    for preset in PRESETS.values():
        assert preset.name in printed
        assert preset.reason in printed
    assert "--focus-measure laplacian --window-sigma-px 12.0" in printed
    assert main(["presets", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["presets"]
    assert [one["name"] for one in listed] == list(PRESETS)


def test_save_import_delete(capsys):
    words = ["save", "beads", "--blend", "select", "--reason", "round", "--file", "beads.json"]
    assert main(["presets", *words]) == 0
    assert saved_presets() == []
    assert main(["presets", "import", "beads.json"]) == 0
    assert find_preset("beads").options == {"blend": "select"}
    assert main(["presets", "import", "beads.json"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["presets", "save", "b2", "--preset", "beads", "--align", "auto", "--json"]) == 0
    assert find_preset("b2").options == {"blend": "select", "align": "auto"}
    assert main(["presets", "delete", "beads", "--json"]) == 0
    assert [one.name for one in saved_presets()] == ["b2"]
    assert main(["presets", "delete", "brightfield"]) == 2


def fused_config(*words):
    stack = make_stack("discs", (48, 64), planes=3, channels=None).stack
    for z, plane in enumerate(stack):
        write_image(f"z{z}.tif", plane)
    assert main(["fuse", "z0.tif", "z1.tif", "z2.tif", "-o", "out.tif", "--json", *words]) == 0


def test_fuse_takes_a_preset_and_options_override_it(capsys):
    fused_config("--preset", "thin-transmitted", "--blend", "select")
    config = json.loads(capsys.readouterr().out)["provenance"]["config"]
    assert (config["focus_measure"], config["window_sigma_px"]) == ("laplacian", 12.0)
    assert config["blend"] == "select"


def test_refused(capsys):
    assert main(["fuse", "x.tif", "-o", "y.tif", "--preset", "metal"]) == 2
    assert "there is no preset 'metal'; accepted are 'brightfield'" in capsys.readouterr().err
    assert main(["fuse", "x.tif", "-o", "y.tif", "--preset", "macro", "--reference"]) == 2
    assert "--preset with --reference" in capsys.readouterr().err
