"""``~`` in paths, which shells leave as it is in ``--option=~/file``."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_umis_fusion.cli import main
from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.training import TrainingConfig
from napari_umis_fusion.training.session import load_config, save_config


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with a stack, and another folder, the current one, that must stay empty."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for folder in ("home", "elsewhere"):
        (tmp_path / folder).mkdir()
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 48), np.uint8)
    tifffile.imwrite(tmp_path / "home" / "s.tif", stack, photometric="minisblack")
    tifffile.imwrite(tmp_path / "home" / "chosen.tif", np.zeros((40, 48), np.uint8))
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield tmp_path / "home"
    assert os.listdir(tmp_path / "elsewhere") == []


FUSE = ("fuse", "~/s.tif", "--focus-measure=laplacian")


@pytest.mark.parametrize(
    ("command", "made"),
    [
        ((*FUSE, "-o=~/o.tif", "--depth-map=~/d.tif", "--z-step-um=1"), ["o.tif", "d.tif"]),
        ((*FUSE, "-o=~/o.tif", "--overrides=~/chosen.tif"), ["o.tif"]),
        ((*FUSE, "-o=~/o.tif", "--align=translation", "--save-transforms=~/t.csv"), ["t.csv"]),
        (("substack", "~/s.tif", "-o=~/u.tif", "--around=1", "--table=~/u.csv"), ["u.csv"]),
        (("presets", "save", "mine", "--blend=select", "--file=~/p.json"), ["p.json"]),
        (("models", "export", "plane-ranker", "~/w.safetensors"), ["w.safetensors"]),
        (("info", "~/s.tif"), []),
    ],
)
def test_paths_of_commands(home, command, made, capsys):
    assert main([*command]) == 0, capsys.readouterr().err
    assert [name for name in made if not (home / name).is_file()] == []


def test_what_was_written_there_is_read_from_there(home, capsys):
    assert main([*FUSE, "-o=~/o.tif", "--align=translation", "--save-transforms=~/t.csv"]) == 0
    assert main([*FUSE, "-o=~/o2.tif", "--transforms=~/t.csv"]) == 0
    assert main(["presets", "save", "mine", "--focus-measure=variance", "--file=~/p.json"]) == 0
    assert main(["presets", "import", "~/p.json"]) == 0
    assert main(["models", "export", "plane-ranker", "~/w.safetensors"]) == 0
    assert main(["info", "~/w.safetensors"]) == 0
    assert ModelLibrary("~/library").folder == home / "library"
    assert ModelLibrary("~/library").find_copy_of("~/w.safetensors") is not None
    save_config("~/c.json", TrainingConfig(steps=7))
    assert load_config(Path("~/c.json")).steps == 7
    assert capsys.readouterr().err == ""
