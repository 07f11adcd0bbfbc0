"""The script that the widget writes does what the widget does."""

import ast
import importlib
import runpy

import numpy as np
import pytest
import torch

from napari_umis_fusion import TrainingConfig
from napari_umis_fusion.network import load_checkpoint
from napari_umis_fusion.training.objectives._select import SelectObjective
from napari_umis_fusion.training.session import ScriptSource, training_script

TINY = {"steps": 2, "validate_every": 1, "batch": 4, "patch_px": 32, "precision": "float32"}


def test_it_names_everything(tmp_path):
    sources = [
        ScriptSource("stack", "scorpion", "stacks/scorpion"),
        ScriptSource("image", "moss", "moss.png"),
        ScriptSource("image", "from napari", None),
    ]
    script = training_script(sources, TrainingConfig(steps=9), name="my scorpion", start="w.pth")
    assert "stacks=('stacks/scorpion',)" in script
    assert "images=('moss.png', np.load('from-napari.npy'))" in script
    assert "numpy.save('from-napari.npy', viewer.layers['from napari'].data)" in script
    assert "TrainingConfig(\n    steps=9,\n)" in script
    assert "start='w.pth', state='my-scorpion.state'" in script
    assert "result.save('my-scorpion.safetensors', name='my scorpion')" in script


def test_defaults_are_left_out():
    script = training_script(
        [ScriptSource("image", "a", "a.png")], TrainingConfig(), name="a", start=None
    )
    assert "TrainingConfig()\n" in script
    assert "start=None" in script
    assert "np" not in script


@pytest.mark.parametrize("quote", ['"', "'", '"""', "\\x", "\\"])
def test_names_cannot_break_out(quote):
    script = training_script(
        [ScriptSource("image", f"a{quote}b", None)], TrainingConfig(), name=f"a{quote}b", start=None
    )
    constants = [n.value for n in ast.walk(ast.parse(script)) if isinstance(n, ast.Constant)]
    assert f"a{quote}b" in constants, "as the name of the result"


def test_it_runs_and_is_the_same_training(tmp_path, monkeypatch, capsys):
    from napari_umis_fusion.training.data import TrainingData
    from napari_umis_fusion.training.loop import train_to_end

    monkeypatch.setattr(SelectObjective, "validation_examples", 2)
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 255, (6, 64, 64), np.uint8)
    np.save("noise.npy", images)
    config = TrainingConfig(**TINY, learning_rate=1e-2)
    script = training_script(
        [ScriptSource("image", "noise", None)], config, name="noise", start=None
    )
    (tmp_path / "script.py").write_text(script)
    runpy.run_path("script.py")
    assert "step 2 of 2" in capsys.readouterr().out
    expected = train_to_end(TrainingData(images=(images,)), config)
    assert expected.improved, "from nothing whatever is learnt is an outcome"
    found = load_checkpoint("noise.safetensors")
    assert found.metadata["scores"] == expected.metrics
    same = expected.model.state_dict()
    assert all(torch.equal(tensor, same[name]) for name, tensor in found.state_dict.items())


@pytest.mark.parametrize("start", ["", None, "w.pth"])
def test_it_imports_what_is_public(start):
    script = training_script([], TrainingConfig(), name="a", start=start)
    froms = [node for node in ast.parse(script).body if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}:{alias.name}" for node in froms for alias in node.names}
    assert ("napari_umis_fusion.network:shipped_weights" in names) == (start == "")
    assert "napari_umis_fusion.training:TrainingData" in names
    for name in names:
        module, _, word = name.partition(":")
        assert word in importlib.import_module(module).__all__
