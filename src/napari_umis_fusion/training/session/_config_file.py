"""A training's config in a file: JSON that the dock, scripts and the command line read alike."""

import json
import os
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import atomic_write, package_version
from napari_umis_fusion.training._config import TrainingConfig

_KIND = "napari-umis-fusion training"


def save_config(path: str | os.PathLike[str], config: TrainingConfig) -> Path:
    """Save a config as JSON; the file appears under its name once it is complete.

    Parameters
    ----------
    path : path
        Ends in .json. An existing file is replaced.
    config : TrainingConfig
        What to save; every field is written, so that later defaults do not change it.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    ConfigError
        If the name ends otherwise.
    OSError
        If the file cannot be written.
    """
    where = Path(path).absolute()
    if where.suffix.lower() != ".json":
        raise ConfigError(f"{where}: configs are saved as .json; change the ending.")
    content = {"kind": _KIND, "version": package_version(), "config": config.as_dict()}
    with atomic_write(where) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return where


def load_config(path: str | os.PathLike[str], **options: Any) -> TrainingConfig:
    """Read what `save_config` wrote.

    Parameters
    ----------
    path : path
        The file. Fields that it lacks have their defaults.
    **options
        Fields on top of it.

    Raises
    ------
    ConfigError
        If the file cannot be read, is no config of a training, or a value is out of bounds.
    """
    where = Path(path).absolute()
    try:
        content = json.loads(where.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read ({error.strerror}); give a config.") from error
    except ValueError as error:
        raise ConfigError(f"{where}: is no JSON ({error}); save the config again.") from error
    found = content.get("config") if isinstance(content, dict) else None
    if not isinstance(found, dict) or content.get("kind") != _KIND:
        raise ConfigError(
            f"{where}: is no config of a training; accepted is what the training dock or "
            "save_config wrote."
        )
    try:
        return TrainingConfig().replace(**{**found, **options})
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
