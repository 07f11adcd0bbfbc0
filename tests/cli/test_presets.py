"""`umis-fusion presets`, and `--preset` of `fuse`."""

import json

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import read_layers, write_image
from napari_umis_fusion.cli import main
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.layers import told_preset_of
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
    assert main(["presets", "save", "Auto", "--blend", "select"]) == 2


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
    assert main(["batch", "x.tif", "-o", "y", "--preset", "auto"]) == 2
    assert "which only 'umis-fusion fuse --preset auto' looks at" in capsys.readouterr().err


def told_stack(folder, channel):
    """Write an OME-TIFF that tells how its channel was taken."""
    planes = np.random.default_rng(0).integers(0, 200, (4, 40, 48), np.uint8)
    path = folder / "told.ome.tif"
    tifffile.imwrite(path, planes, metadata={"axes": "ZYX", "Channel": channel})
    return str(path)


def test_the_preset_that_metadata_tell(tmp_path, capsys):
    path, out = told_stack(tmp_path, {"ContrastMethod": "Fluorescence"}), str(tmp_path / "o.tif")
    fusing = ["fuse", path, "-o", out, "--focus-measure", "laplacian"]
    assert main(fusing) == 0
    offered = "note: the metadata tell ContrastMethod 'Fluorescence'; made for that is --preset"
    assert offered in capsys.readouterr().out
    assert main([*fusing, "--preset", "auto", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["told_preset"] == "fluorescence"
    config = told["provenance"]["config"]
    assert (config["light"], config["focus_measure"]) == ("measure", "laplacian")
    assert main([*fusing, "--preset", "auto"]) == 0
    taken = "note: preset 'fluorescence', from the metadata: ContrastMethod 'Fluorescence'"
    assert taken in capsys.readouterr().out
    assert main([*fusing, "--preset", "macro", "--align", "none"]) == 0
    assert "the metadata" not in capsys.readouterr().out, "the user knows better"


def test_where_metadata_tell_nothing(tmp_path, capsys):
    path, out = told_stack(tmp_path, {"Name": "C1"}), str(tmp_path / "o.tif")
    assert main(["fuse", path, "-o", out, "--preset", "auto"]) == 2
    assert "do not tell how they were taken" in capsys.readouterr().err
    assert main(["fuse", path, "-o", out, "--focus-measure", "laplacian"]) == 0
    assert "the metadata" not in capsys.readouterr().out


def test_layers_of_a_file_tell_it_too(tmp_path):
    [data, attributes, _], *_ = read_layers(told_stack(tmp_path, {"Fluor": "mVenus"}))
    told = told_preset_of([LayerImage.of(data, attributes)])
    assert told is not None
    assert (told.preset.name, told.source) == ("fluorescence", "Fluor 'mVenus'")
