import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError

FIELDS = dataclasses.fields(FusionConfig)
NAMES = [spec.name for spec in FIELDS]
NUMBERS = [spec for spec in FIELDS if "min" in spec.metadata]
CHOICES = [spec for spec in FIELDS if "choices" in spec.metadata]
SWITCHES = [spec for spec in FIELDS if isinstance(spec.default, bool)]


def whole(spec):
    return isinstance(spec.default, int)


def bounds_text(spec):
    low, high, unit = (spec.metadata[key] for key in ("min", "max", "unit"))
    kind = "a whole number" if whole(spec) else "a number"
    return f"accepted is {kind} from {low:g} to {high:g} {unit}".rstrip() + "."


def refused(message, **options):
    """Match the whole message, as plain text."""
    with pytest.raises(ConfigError) as caught:
        FusionConfig(**options)
    assert str(caught.value) == message


def test_every_field_is_of_a_known_kind():
    """What is no number, choice or path is a switch; each is told about."""
    for spec in FIELDS:
        kinds = [spec in NUMBERS, spec in CHOICES, spec in SWITCHES]
        kinds += [kind in spec.metadata for kind in ("path", "any_number")]
        assert kinds.count(True) == 1, spec.name
        assert len(spec.metadata["help"]) > 10, spec.name
        assert spec.metadata["help"].endswith("."), spec.name


def test_unit_in_the_name_is_that_of_the_metadata():
    for spec in NUMBERS:
        ending = spec.name.rsplit("_", 1)[-1]
        if ending in ("px", "mb"):
            assert spec.metadata["unit"].casefold() == ending
        else:
            assert spec.metadata["unit"] == ""


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_bounds_are_accepted_and_what_is_beyond_is_refused(spec):
    low, high = spec.metadata["min"], spec.metadata["max"]
    for value in (low, high, spec.default):
        assert getattr(FusionConfig(**{spec.name: value}), spec.name) == value
    step = 1 if whole(spec) else 1e-6
    for value in (low - step, high * (1 + 1e-9) + step, -(10**30)):
        value = int(value) if whole(spec) else value
        refused(f"{spec.name}={value!r}; {bounds_text(spec)}", **{spec.name: value})


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_what_is_no_number_is_refused(spec):
    for value in (True, "3", None, float("nan"), float("inf"), [3], 3j):
        refused(f"{spec.name}={value!r}; {bounds_text(spec)}", **{spec.name: value})


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.name)
def test_fractions_only_where_they_mean_something(spec):
    value = spec.metadata["min"] + 0.5
    if whole(spec):
        refused(f"{spec.name}={value!r}; {bounds_text(spec)}", **{spec.name: value})
    else:
        assert getattr(FusionConfig(**{spec.name: value}), spec.name) == value
        assert getattr(FusionConfig(**{spec.name: np.float64(value)}), spec.name) == value


@pytest.mark.parametrize("spec", CHOICES, ids=lambda spec: spec.name)
def test_choices_are_accepted_and_others_refused(spec):
    choices = spec.metadata["choices"]
    assert spec.default in choices
    for choice in choices:
        assert getattr(FusionConfig(**{spec.name: choice}), spec.name) == choice
    also = " or a channel number" if spec.name == "channel" else ""
    for value in ("no such", spec.default.upper(), "", None, 1.5, True, []):
        message = f"{spec.name}={value!r}; accepted are {', '.join(choices)}{also}."
        refused(message, **{spec.name: value})


@pytest.mark.parametrize("spec", SWITCHES, ids=lambda spec: spec.name)
def test_switches(spec):
    for value in (True, False):
        assert getattr(FusionConfig(**{spec.name: value}), spec.name) is value
    for value in (1, 0, "yes", None):
        refused(f"{spec.name}={value!r}; accepted are True and False.", **{spec.name: value})


@pytest.mark.parametrize("number", [0, 1, 15])
def test_channel_may_be_a_number(number):
    assert FusionConfig(channel=number).channel == number


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"channel": -1},
            "channel=-1; accepted is 0 or more: channels are counted from 0.",
        ),
        (
            {"verification_window_px": 4},
            "verification_window_px=4; accepted is an odd number, so that the window has a "
            "centre, or 0.",
        ),
        (
            {"focus_measure": "laplacian", "checkpoint": "w.pth"},
            "checkpoint='w.pth' is only used by focus_measure='learned' and 'umis', got "
            "focus_measure='laplacian'; leave one of the two out.",
        ),
        (
            {"focus_measure": "umis", "checkpoint": 3},
            "checkpoint=3; accepted is a path as text, or None.",
        ),
        ({"empty": "0"}, "empty='0'; accepted is a finite number, or None."),
        ({"empty": True}, "empty=True; accepted is a finite number, or None."),
        ({"empty": float("nan")}, "empty=nan; accepted is a finite number, or None."),
    ],
)
def test_what_contradicts_itself_is_refused(options, message):
    refused(message, **options)


@pytest.mark.parametrize("checkpoint", [None, "w.safetensors"])
@pytest.mark.parametrize("measure", ["learned", "umis"])
def test_networks_come_with_weights_or_take_others(measure, checkpoint):
    made = FusionConfig(focus_measure=measure, checkpoint=checkpoint)
    assert made.checkpoint == checkpoint


@pytest.mark.parametrize("window_px", [0, 1, 3, 9999])
def test_odd_windows(window_px):
    made = FusionConfig(verification="mode", verification_window_px=window_px)
    assert made.verification_window_px == window_px


def test_replace():
    config = FusionConfig(blend="weighted")
    changed = config.replace(window_sigma_px=2.0, threads=3)
    assert (changed.blend, changed.window_sigma_px, changed.threads) == ("weighted", 2.0, 3)
    assert (config.window_sigma_px, config.threads) == (4.0, 0)
    assert config.replace() == config


def test_replace_checks_what_it_makes():
    with pytest.raises(ConfigError, match="threads=-1; accepted is a whole number"):
        FusionConfig().replace(threads=-1)
    with pytest.raises(ConfigError, match="only used by focus_measure='learned' and 'umis'"):
        FusionConfig.reference("umis.pth").replace(focus_measure="tenengrad")


def test_replace_refuses_unknown_options():
    with pytest.raises(ConfigError) as caught:
        FusionConfig().replace(sigma=2, threads=1, tile=3)
    assert str(caught.value) == f"unknown option sigma, tile; accepted are {', '.join(NAMES)}."


@pytest.mark.parametrize("name", NAMES)
def test_fields_cannot_be_changed(name):
    config = FusionConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, getattr(config, name))


@pytest.mark.parametrize("checkpoint", ["umis.pth", Path("umis.pth")])
def test_reference_method(checkpoint):
    config = FusionConfig.reference(checkpoint)
    assert config == FusionConfig(
        focus_measure="umis",
        checkpoint="umis.pth",
        verification="mode",
        blend="select",
        islands="keep",
    )
    assert FusionConfig.reference() == config.replace(checkpoint=None)
    fuzzy = FusionConfig.reference(checkpoint, verification="fuzzy", median_filter=True)
    assert fuzzy == config.replace(verification="fuzzy", median_filter=True)


@pytest.mark.parametrize(
    "config",
    [
        FusionConfig(),
        FusionConfig.reference(Path("umis.pth"), device="cpu", threads=2),
        FusionConfig(channel=2, median_filter=True, nan_policy="ignore", detail_sigma_px=0.7),
    ],
)
def test_config_survives_json(config):
    values = json.loads(json.dumps(config.as_dict()))
    assert list(values) == NAMES
    assert FusionConfig(**values) == config


def test_scalars_of_numpy_are_taken_as_numbers():
    plain = FusionConfig(prefer=0.5, threads=3, median_filter=True, blend="select", channel=1)
    given = FusionConfig(
        prefer=np.float32(0.5),
        threads=np.uint8(3),
        median_filter=np.bool_(True),
        blend=np.str_("select"),
        channel=np.array(1),
    )
    assert given == plain
    assert json.dumps(given.as_dict()) == json.dumps(plain.as_dict())
    with pytest.raises(ConfigError, match=r"threads=2\.5; accepted is a whole number"):
        FusionConfig(threads=np.float64(2.5))
