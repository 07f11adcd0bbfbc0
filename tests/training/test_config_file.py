"""A config in a file, the same for widget, scripts and command line."""

import json

import pytest

from napari_umis_fusion import TrainingConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.training.session import load_config, save_config


def test_what_is_saved_is_loaded(tmp_path):
    config = TrainingConfig(steps=7, learning_rate=1e-5, specimen="opaque", planes=11)
    path = save_config(tmp_path / "c.json", config)
    assert load_config(path) == config
    assert load_config(path, steps=8) == config.replace(steps=8)
    assert json.loads(path.read_text())["config"] == config.as_dict(), "defaults may change later"


def test_absent_fields_have_their_defaults(tmp_path):
    path = save_config(tmp_path / "c.json", TrainingConfig())
    content = json.loads(path.read_text())
    content["config"] = {"steps": 3}
    path.write_text(json.dumps(content))
    assert load_config(path) == TrainingConfig(steps=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"c\.json: cannot be read"),
        ("{", r"c\.json: cannot be read \(it is not JSON"),
        ("[]", "is not the config of a training"),
        ('{"config": {"steps": 3}}', "is not the config of a training"),
        ('{"kind": "napari-umis-fusion training", "config": {"steps": 0}}', r"c\.json: steps=0"),
        ('{"kind": "napari-umis-fusion training", "config": {"stepz": 1}}', "unknown option stepz"),
    ],
)
def test_what_is_no_config_is_refused(tmp_path, content, message):
    path = tmp_path / "c.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"saved as \.json; change the extension"):
        save_config(tmp_path / "c.yaml", TrainingConfig())
    assert list(tmp_path.iterdir()) == []
