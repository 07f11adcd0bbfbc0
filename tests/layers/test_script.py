"""The script that the fusion widget copies does the same without napari."""

import ast
import importlib
import runpy

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import FusionConfig, LayerPlan, fuse_layer, read_layers
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import script_for
from napari_umis_fusion.synthetic import colour_macro, noisy_fluorescence, textured_surface

CONFIG = FusionConfig(focus_measure="laplacian")
PLAN = LayerPlan(rows=(0, 40), columns=(0, 50), outputs=("all_in_focus",))


def written_by(script, folder, monkeypatch):
    """Run a script in a folder and return the image that it writes."""
    monkeypatch.chdir(folder)
    (folder / "script.py").write_text(script, "utf-8")
    runpy.run_path(str(folder / "script.py"))
    (written,) = folder.glob("*-fused.ome.tif")
    return tifffile.imread(written)


@pytest.mark.parametrize("sample", [textured_surface, colour_macro])
def test_a_sample_is_rendered_anew(sample, tmp_path, monkeypatch):
    layer = sample()[0]
    script = script_for([layer_image(layer)], CONFIG, PLAN)
    assert f"from napari_umis_fusion.synthetic import {sample.__name__}\n" in script
    (expected,) = fuse_layer(layer, CONFIG, PLAN)
    np.testing.assert_array_equal(written_by(script, tmp_path, monkeypatch), expected[0])


def test_channels_of_a_sample_are_rendered_anew(tmp_path, monkeypatch):
    layers = noisy_fluorescence()[:2]
    script = script_for([layer_image(layer) for layer in layers], CONFIG, PLAN)
    assert script.count("import noisy_fluorescence") == 1
    expected = [data for data, _, _ in fuse_layer(layers, CONFIG, PLAN)]
    found = written_by(script, tmp_path, monkeypatch)
    np.testing.assert_array_equal(found, np.stack(expected))


def test_it_imports_what_is_public():
    layers = [sample()[0] for sample in (textured_surface, colour_macro)]
    script = script_for([layer_image(layer) for layer in layers], CONFIG, PLAN)
    froms = [node for node in ast.parse(script).body if isinstance(node, ast.ImportFrom)]
    for node in froms:
        public = importlib.import_module(node.module).__all__
        assert {alias.name for alias in node.names} <= set(public)
    assert {alias.name for node in froms for alias in node.names} >= {"fuse_layer", "colour_macro"}


@pytest.mark.parametrize("name", ["C:\\Users\\x", 'the "best"', "ends with \\", "{braces}\n2"])
def test_any_name_makes_a_script(name):
    layer = (np.zeros((3, 9, 9), np.uint8), {"name": name, "axis_labels": ("z", "y", "x")})
    ast.parse(script_for([layer_image(layer)], CONFIG, PLAN))


def test_what_was_chosen_of_a_folder_is_chosen_again(tmp_path):
    for t in range(2):
        for z in range(3):
            tifffile.imwrite(tmp_path / f"t{t}_z{z}.tif", np.full((40, 50), 10 * t + z, np.uint8))
    (layer,) = read_layers(tmp_path, z_axis="T", index={"Z": 2})
    script = script_for([layer_image(layer)], CONFIG, PLAN)
    assert f"read_layers({str(tmp_path)!r}, z_axis='T', index={{'Z': 2}})[0]" in script
