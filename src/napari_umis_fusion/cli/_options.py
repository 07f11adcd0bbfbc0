"""Command-line options, generated from the fields of a config."""

import argparse
from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any

import numpy as np

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.files.write import check_csv_path
from napari_umis_fusion.presets import find_preset
from napari_umis_fusion.runtime import help_with_bounds


def add_config_options(parser: argparse.ArgumentParser, config: type[Any], title: str) -> None:
    """Add an option for each field of a config; options that are not given set no attribute."""
    group = parser.add_argument_group(title)
    for spec in fields(config):
        group.add_argument(option_name(spec.name), **_settings(spec))


def add_fusion_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a fusion, and ``--preset``, for `config_from`."""
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="Options by specimen: a preset of this package or of your own (umis-fusion presets "
        "list), or a preset file. Options that are given override it.",
    )
    add_config_options(parser, FusionConfig, "fusion options")


def option_name(field_name: str) -> str:
    """Return ``--window-sigma-px`` for ``window_sigma_px``."""
    return "--" + field_name.replace("_", "-")


def given_options(arguments: argparse.Namespace, config: type[Any]) -> dict[str, Any]:
    """Return the fields of a config that were given as options."""
    names = {spec.name for spec in fields(config)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def given_fusion_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `FusionConfig` that were given; weights by name, as their file.

    Raises
    ------
    CheckpointError
        If there are no such weights.
    """
    given = given_options(arguments, FusionConfig)
    if "checkpoint" in given:
        # imported here: most commands need no library of models
        from napari_umis_fusion.models.library import find_weights

        given["checkpoint"] = find_weights(given["checkpoint"])
    return given


def config_from(arguments: argparse.Namespace) -> FusionConfig:
    """Return the config of the given options.

    Raises
    ------
    ConfigError
        If a value is out of bounds or options contradict each other.
    CheckpointError
        If there are no such weights.
    """
    given = given_fusion_options(arguments)
    preset = getattr(arguments, "preset", None)
    if preset is not None and getattr(arguments, "reference", False):
        raise ConfigError("--preset with --reference; leave one of the two out.")
    if preset is not None:
        return find_preset(preset).config(**given)
    if not getattr(arguments, "reference", False):
        return FusionConfig(**given)
    if given.pop("focus_measure", "umis") != "umis":
        raise ConfigError("--reference uses the focus measure 'umis'; leave out --focus-measure.")
    return FusionConfig.reference(**given)


def _settings(spec: Field[Any]) -> dict[str, Any]:
    meta = spec.metadata
    # no default: only given options override those of --config and --reference
    settings: dict[str, Any] = {"dest": spec.name, "default": argparse.SUPPRESS}
    if isinstance(spec.default, bool):
        return {**settings, "action": argparse.BooleanOptionalAction, "help": meta["help"]}
    settings["help"] = help_with_bounds(spec)
    if spec.name == "channel":
        return {
            **settings,
            "type": channel_rule,
            "metavar": "{N," + ",".join(meta["choices"]) + "}",
        }
    if "choices" in meta:
        return {**settings, "choices": meta["choices"]}
    if "path" in meta:
        return {**settings, "metavar": "FILE"}
    if "text" in meta:
        return {**settings, "metavar": meta["text"]}
    if "any_number" in meta:
        return {**settings, "type": float, "metavar": "VALUE"}
    kind = type(spec.default)
    return {**settings, "type": kind, "metavar": meta["unit"].upper() or "N"}


def channel_rule(text: str) -> str | int:
    """Return the number of a channel, or the name of a rule."""
    return int(text) if text.removeprefix("-").isdecimal() else text


def check_table_option(option: str, path: str, protect: Sequence[str]) -> None:
    """Refuse a table that cannot be written, or would replace an input: a `ConfigError`."""
    try:
        check_csv_path(path, protect=protect)
    except StackFileError as error:
        raise ConfigError(f"{option} {error}") from error


def check_length(option: str, length_um: float | None) -> None:
    """Refuse a length in µm that was given, and is none.

    Raises
    ------
    ConfigError
        If it is zero, negative, infinite or NaN.
    """
    if length_um is not None and not (np.isfinite(length_um) and length_um > 0):
        raise ConfigError(f"{option} {length_um:g}; accepted is a positive number of µm.")
