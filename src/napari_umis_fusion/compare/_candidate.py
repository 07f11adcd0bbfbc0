"""The ways to fuse that are compared: configs with names."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_umis_fusion.config import COMPUTED_BY, FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.models.library import find_weights, focus_measure_of
from napari_umis_fusion.presets import Preset, find_preset
from napari_umis_fusion.runtime import changed_fields

DEFAULT_NAME = "default"
"""Name of the default options, which are no preset."""

MOST = 64
"""Candidates of one comparison; a grid of options beyond it is more likely a slip."""

CandidateLike = FusionConfig | Preset | str | os.PathLike[str]
"""A config, a preset, the name of a preset ("default": no preset), or the file of one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to fuse that is compared with others.

    Attributes
    ----------
    name : str
        What its row and its results are called.
    config : FusionConfig
        How to fuse.
    """

    name: str
    config: FusionConfig


def candidates_of(
    configs: "Mapping[str, CandidateLike] | Iterable[CandidateLike | Candidate]",
) -> tuple[Candidate, ...]:
    """Return candidates with names that differ.

    Parameters
    ----------
    configs : mapping of str, or iterable
        Configs, presets, names or files of presets; a mapping names them. Otherwise presets keep
        their names, and configs are named by the options that differ from their defaults.

    Raises
    ------
    ConfigError
        If there is none, there are more than 64, or a preset does not exist.
    """
    if isinstance(configs, (str, os.PathLike, FusionConfig, Preset, Candidate)):
        configs = [configs]
    if not isinstance(configs, Iterable):
        raise ConfigError(
            f"got {type(configs).__name__} as configs; accepted is a list of them, such as "
            f"['{DEFAULT_NAME}', FusionConfig('tenengrad')]."
        )
    if isinstance(configs, Mapping):
        named = [Candidate(str(name), _one(given).config) for name, given in configs.items()]
    else:
        named = [_one(given) for given in configs]
    if not 1 <= len(named) <= MOST:
        raise ConfigError(
            f"got {len(named)} configs to compare; accepted are 1 to {MOST}, such as "
            f"['{DEFAULT_NAME}', 'thin transmitted', FusionConfig('tenengrad')]."
        )
    return _told_apart(named)


def grid_of(
    measures: Iterable[str], blends: Iterable[str], checkpoints: Iterable[str], **options: Any
) -> list[FusionConfig]:
    """Return a config for each combination of focus measures and blends, and of each checkpoint.

    Parameters
    ----------
    measures, blends : iterable of str
        Values of `FusionConfig.focus_measure` and `FusionConfig.blend`; where there is none, the
        default, or that of `options`.
    checkpoints : iterable of str
        Weights, as files or models of the library; their focus measure is in their header.
    **options
        Further fields of each config.

    Returns
    -------
    list of FusionConfig
        Empty if nothing is given.

    Raises
    ------
    ConfigError
        If a value is not accepted.
    CheckpointError
        If weights are not found, or cannot be read.
    """
    ways: list[dict[str, Any]] = [{"focus_measure": name} for name in measures]
    paths = [find_weights(str(given)) for given in checkpoints]
    ways += [{"checkpoint": path, "focus_measure": focus_measure_of(path)} for path in paths]
    values = list(blends)
    if not ways and not values:
        return []
    blended: list[dict[str, Any]] = [{"blend": name} for name in values]
    return [
        FusionConfig(**{**options, **way, **blend})
        for way in ways or [{}]
        for blend in blended or [{}]
    ]


def _one(given: Any) -> Candidate:
    if isinstance(given, Candidate):
        return given
    if isinstance(given, FusionConfig):
        return Candidate(_describe(given), given)
    if isinstance(given, Preset):
        return Candidate(given.name, given.config())
    if not isinstance(given, (str, os.PathLike)):
        raise ConfigError(
            f"got {type(given).__name__} as a config; accepted are a FusionConfig, a Preset, the "
            "name of a preset, or its file."
        )
    if str(given).strip().casefold() == DEFAULT_NAME:
        return Candidate(DEFAULT_NAME, FusionConfig())
    preset = find_preset(given)
    return Candidate(preset.name, preset.config())


def _describe(config: FusionConfig) -> str:
    """Return what a config changes, such as "laplacian, select, window sigma px 12"."""
    changed = {name: v for name, v in changed_fields(config).items() if name not in COMPUTED_BY}
    return ", ".join(_words(name, value) for name, value in changed.items()) or DEFAULT_NAME


def _words(name: str, value: Any) -> str:
    if name == "checkpoint":
        return f"weights {Path(str(value)).stem}"
    if name in ("focus_measure", "blend", "verification"):
        return str(value)
    if isinstance(value, bool):
        return f"{'' if value else 'no '}{name.replace('_', ' ')}"
    shown = f"{value:g}" if isinstance(value, float) else value
    return f"{name.replace('_', ' ')} {shown}"


def _told_apart(candidates: list[Candidate]) -> tuple[Candidate, ...]:
    """Return candidates whose names differ: files and tables are found by name."""
    taken: set[str] = set()
    told = []
    for one in candidates:
        name, number = one.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{one.name} ({number})"
        taken.add(name.casefold())
        told.append(Candidate(name, one.config))
    return tuple(told)
