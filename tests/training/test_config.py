import dataclasses
import json
from typing import get_args

import pytest

from napari_umis_fusion import TrainingConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.training import ObjectiveName

FIELDS = dataclasses.fields(TrainingConfig)
NUMBERS = [spec for spec in FIELDS if "min" in spec.metadata]
CHOICES = [spec for spec in FIELDS if "choices" in spec.metadata]


def whole(spec):
    return isinstance(spec.default, int)


def test_every_field_is_a_number_or_a_choice_and_says_what_it_is():
    assert sorted(s.name for s in NUMBERS + CHOICES) == sorted(s.name for s in FIELDS)
    for spec in FIELDS:
        assert len(spec.metadata["help"]) > 5, spec.name
        assert spec.metadata["help"].endswith("."), spec.name


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_bounds_are_accepted_and_what_is_beyond_is_refused(spec):
    low, high = spec.metadata["min"], spec.metadata["max"]
    kind = int if whole(spec) else float
    for value in (low, high, spec.default):
        value = kind(value)
        assert getattr(TrainingConfig(**{spec.name: value}), spec.name) == value
    step = 1 if whole(spec) else 1e-9
    for value in (kind(low - step), kind(high * (1 + 1e-9) + step)):
        with pytest.raises(ConfigError, match=f"^{spec.name}={value!r}; accepted is"):
            TrainingConfig(**{spec.name: value})


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_what_is_no_number_is_refused(spec):
    for value in (True, "3", None, float("nan")):
        with pytest.raises(ConfigError, match=f"^{spec.name}="):
            TrainingConfig(**{spec.name: value})


@pytest.mark.parametrize("spec", CHOICES, ids=lambda spec: spec.name)
def test_choices(spec):
    for value in spec.metadata["choices"]:
        assert getattr(TrainingConfig(**{spec.name: value}), spec.name) == value
    with pytest.raises(ConfigError, match=f"^{spec.name}='other'; accepted are "):
        TrainingConfig(**{spec.name: "other"})


def test_units_stand_in_the_names():
    for spec in NUMBERS:
        assert (spec.metadata["unit"] == "px") == spec.name.endswith("_px")


def test_the_published_recipe():
    config = TrainingConfig.reference()
    published = {
        "objective": "reconstruct",
        "epochs": 80,
        "batch": 8,
        "width_px": 717,
        "height_px": 600,
        "learning_rate": 1e-4,
        "weight_decay": 5e-4,
        "schedule": "exponential",
        "decay": 0.9,
        "mse_weight": 1.0,
        "ssim_weight": 3.0,
        "gradient_weight": 1.0,
        "spatial_frequency_weight": 2.0,
        "spatial_frequency": "published",
        "validate_every": 0,
        "gradient_clip": 0.0,
    }
    assert {name: getattr(config, name) for name in published} == published


def test_options_go_on_top_of_the_recipe():
    assert TrainingConfig.reference(batch=2).batch == 2
    assert TrainingConfig.reference(steps=7).epochs == 0, "steps are meant where they are given"
    assert TrainingConfig.reference(steps=7, epochs=3).epochs == 3


def test_replace():
    config = TrainingConfig(seed=3)
    assert config.replace(steps=5) == TrainingConfig(seed=3, steps=5)
    with pytest.raises(ConfigError, match=r"^unknown option stepz; accepted are objective, steps"):
        config.replace(stepz=5)
    with pytest.raises(ConfigError, match="steps=0"):
        config.replace(steps=0)


def test_fields_survive_json():
    config = TrainingConfig(objective=get_args(ObjectiveName)[1], learning_rate=1e-5)
    assert TrainingConfig(**json.loads(json.dumps(config.as_dict()))) == config
