"""The preset that the metadata of files tell: taken if it is asked for, else offered."""

import argparse
import shlex

from napari_umis_fusion.cli._options import config_from
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.presets import AUTO, ToldPreset


def told_config(arguments: argparse.Namespace, told: ToldPreset | None) -> FusionConfig:
    """Return the config of the given options; ``--preset auto`` becomes what is told.

    Raises
    ------
    ConfigError
        As `config_from` does, or if nothing is told.
    """
    if arguments.preset == AUTO:
        if told is None:
            raise ConfigError(
                "--preset auto, but the files do not tell how they were taken, or tell different "
                "things of their channels (OME metadata: ContrastMethod, IlluminationType, Fluor, "
                "AcquisitionMode, or the name of a channel); name a preset, or leave the option "
                "out."
            )
        arguments.preset = told.preset.name
    return config_from(arguments)


def notes_on_preset(arguments: argparse.Namespace, told: ToldPreset | None) -> list[str]:
    """Say which preset was taken from the metadata, or offer it."""
    if told is None or arguments.reference:
        return []
    name = told.preset.name
    if arguments.preset is None:
        return [f"the metadata tell {told.source}; made for that is --preset {shlex.quote(name)}"]
    was_taken = arguments.preset == name
    return [f"preset '{name}', from the metadata: {told.source}"] if was_taken else []
