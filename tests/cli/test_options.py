"""The command line's options are those of the config, no more and no less."""

import argparse
import dataclasses

import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.cli import main
from napari_umis_fusion.cli._main import build_parser
from napari_umis_fusion.cli._options import config_from, option_name

FIELDS = {spec.name: spec for spec in dataclasses.fields(FusionConfig)}
BASE = ["fuse", "stack.tif", "-o", "out.png"]
OTHER = {
    "checkpoint": "w.pth",
    "focus_measure": "variance",
    "blend": "select",
    "channel": "max",
    "empty": 0.5,
    "verification_window_px": 7,
}
"""Values that differ from the default, where adding one to it would not do."""


def options_group():
    commands = build_parser()._subparsers._group_actions[0].choices
    groups = {group.title: group for group in commands["fuse"]._action_groups}
    return {action.dest: action for action in groups["fusion options"]._group_actions}


def config_of(*options):
    return config_from(build_parser().parse_args([*BASE, *options]))


def another(spec):
    if spec.name in OTHER:
        return OTHER[spec.name]
    if spec.default is False:
        return True
    choices = spec.metadata.get("choices")
    return choices[-1] if choices else spec.default + 1


def test_every_field_has_an_option_and_every_option_a_field():
    assert list(options_group()) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_option_says_what_the_metadata_says(name):
    spec, action = FIELDS[name], options_group()[name]
    assert action.option_strings[0] == option_name(name) == "--" + name.replace("_", "-")
    assert action.help.startswith(spec.metadata["help"])
    assert action.default is argparse.SUPPRESS, "the default stands in the config alone"
    choices = spec.metadata.get("choices")
    if choices and name != "channel":
        assert action.choices == choices
    if spec.default is not None and not isinstance(spec.default, bool):
        assert f"Default: {spec.default}." in action.help
    if "min" in spec.metadata:
        low, high = (f"{spec.metadata[bound]:g}" for bound in ("min", "max"))
        assert f"Accepted: {low} to {high}" in action.help
        assert action.type is type(spec.default)
        assert action.metavar == (spec.metadata["unit"].upper() or "N")


def test_help_shows_every_option(capsys):
    assert main(["fuse", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for spec in FIELDS.values():
        assert option_name(spec.name) in shown
        assert spec.metadata["help"].split("; ")[0] in shown.replace("- ", "-")


def test_without_options_the_config_is_the_default():
    assert config_of() == FusionConfig()


@pytest.mark.parametrize("name", FIELDS)
def test_option_sets_its_field(name):
    value = another(FIELDS[name])
    assert value != FIELDS[name].default
    words = [option_name(name)] if value is True else [option_name(name), str(value)]
    rest = {"focus_measure": "umis"} if name == "checkpoint" else {}
    words += [word for key, given in rest.items() for word in (option_name(key), given)]
    assert config_of(*words) == FusionConfig(**{name: value, **rest})


@pytest.mark.parametrize("name", [name for name, spec in FIELDS.items() if "min" in spec.metadata])
def test_bounds_hold(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    meta = FIELDS[name].metadata
    for value in (meta["min"] - 1, meta["max"] + 1):
        assert main([*BASE, f"{option_name(name)}={value}"]) == 2
        assert f"{name}=" in capsys.readouterr().err


RECIPE = {"focus_measure": "umis", "blend": "select", "islands": "keep"}
REFERENCE = {**RECIPE, "checkpoint": "w.pth"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--channel", "2"], {"channel": 2}),
        (["--no-median-filter"], {"median_filter": False}),
        (["--reference"], {**RECIPE, "verification": "mode"}),
        (["--reference", "--checkpoint", "w.pth"], {**REFERENCE, "verification": "mode"}),
        (
            ["--reference", "--checkpoint", "w.pth", "--verification", "fuzzy"],
            {**REFERENCE, "verification": "fuzzy"},
        ),
    ],
)
def test_special_options(words, expected):
    assert config_of(*words) == FusionConfig(**expected)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fuse"],
        ["fuse", "in.tif"],
        ["fuse", "-o", "out.png"],
        ["unknown"],
        ["demo", "surplus"],
        ["info"],
        [*BASE, "--blend", "mean"],
        [*BASE, "--blen", "select"],
        [*BASE, "--threads", "many"],
        [*BASE, "--unknown"],
        [*BASE, "--reference", "--focus-measure", "variance", "--checkpoint", "w.pth"],
    ],
    ids=" ".join,
)
def test_wrong_usage(words, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("umis-fusion: error: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--memory-mb", "0,5"], "--memory-mb: got '0,5'; accepted is a whole number"),
        (["--window-sigma-px", "2,5"], "got '2,5'; accepted is a number such as 0.5"),
        (["--blend", "mean"], "got 'mean'; accepted are 'select', 'weighted'"),
        (["--depthmap", "d.tif"], "which is not accepted; perhaps --depth-map was meant"),
    ],
)
def test_wrong_usage_is_told_in_plain_words(words, told, capsys):
    assert main([*BASE, *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "See umis-fusion fuse --help." in err


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["demo", "--help"], ["info", "-h"]])
def test_asking_is_no_error(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out
