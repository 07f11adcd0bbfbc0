"""Save and load the config of a training as JSON, for widget, scripts and command line."""

import json
import os
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import (
    atomic_write,
    naming_faults,
    package_version,
    read_json,
    user_path,
)
from napari_umis_fusion.training._config import TrainingConfig

_KIND = "napari-umis-fusion training"


def save_config(path: str | os.PathLike[str], config: TrainingConfig) -> Path:
    """Save a config as JSON, atomically.

    Parameters
    ----------
    path : path
        File name with the extension .json. An existing file is replaced.
    config : TrainingConfig
        The config. Every field is written, so that later defaults do not change it.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    ConfigError
        For another extension.
    OSError
        If the file cannot be written.
    """
    where = user_path(path).absolute()
    if where.suffix.lower() != ".json":
        raise ConfigError(f"{where}: configs are saved as .json; change the extension.")
    content = {"kind": _KIND, "version": package_version(), "config": config.as_dict()}
    with atomic_write(where) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return where


def load_config(path: str | os.PathLike[str], **options: Any) -> TrainingConfig:
    """Read a file of `save_config`.

    Parameters
    ----------
    path : path
        The file. Missing fields get their defaults.
    **options
        Fields that override it.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not the config of a training, or has a value out of bounds.
    """
    where = user_path(path).absolute()
    with naming_faults(where, ConfigError, "cannot be read", "save the config again."):
        content = read_json(where)
    found = content.get("config") if isinstance(content, dict) else None
    if not isinstance(found, dict) or content.get("kind") != _KIND:
        raise ConfigError(
            f"{where}: is not the config of a training; accepted are files of the training widget "
            "and of save_config."
        )
    try:
        return TrainingConfig.of({**found, **options})
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
