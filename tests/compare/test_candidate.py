"""What is compared, and what it is called."""

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.compare import candidates_of, grid_of
from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.network import shipped_weights
from napari_umis_fusion.presets import PRESETS, Preset, save_preset


def names(configs):
    return [one.name for one in candidates_of(configs)]


def test_each_keeps_its_name_or_gets_one_from_what_it_changes(tmp_path):
    path = save_preset(Preset("my beads", options={"blend": "select"}), tmp_path / "beads.json")
    given = [
        "Default",
        "thin-transmitted",
        path,
        PRESETS["macro"],
        FusionConfig(),
        FusionConfig("laplacian", window_sigma_px=12.0, threads=2),
        FusionConfig(checkpoint="models/mine.safetensors"),
    ]
    assert names(given) == [
        *("default", "thin transmitted", "my beads", "macro", "default (2)"),
        *("laplacian, window sigma px 12", "weights mine"),
    ]
    assert candidates_of(given)[2].config == FusionConfig(blend="select")


def test_a_mapping_names_them():
    named = candidates_of({"a": FusionConfig("tenengrad"), "b": "macro"})
    assert [one.name for one in named] == ["a", "b"]
    assert named[1].config == PRESETS["macro"].config()
    assert names("macro") == ["macro"]
    assert names({"a": "default", "A": "default"}) == ["a", "A (2)"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "got 0 configs"),
        (["default"] * 65, "got 65 configs"),
        ([None], "got NoneType as a config"),
        (None, "got NoneType as configs; accepted is a list"),
        ([np.zeros(3)], "got ndarray as a config"),
        (["no such"], "there is no preset 'no such'"),
        (["missing.json"], "missing.json"),
    ],
)
def test_what_is_no_config_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        candidates_of(given)


def test_a_grid_combines_measures_and_blends():
    grid = grid_of(["laplacian", "tenengrad"], ["select", "weighted"], [], align="auto")
    assert len(grid) == 4
    assert {config.align for config in grid} == {"auto"}
    assert names(grid)[0] == "laplacian, select, align auto"
    assert [config.blend for config in grid_of([], ["select"], [])] == ["select"]
    assert grid_of([], [], []) == []
    weights = shipped_weights("plane-ranker")
    (own,) = grid_of([], [], [weights])
    assert (own.focus_measure, own.checkpoint) == ("learned", str(weights))


def test_a_grid_refuses_what_a_config_does(tmp_path):
    with pytest.raises(ConfigError, match="sharpest"):
        grid_of(["sharpest"], [], [])
    with pytest.raises(CheckpointError, match="cannot be read"):
        grid_of([], [], [tmp_path / "none.safetensors"])
