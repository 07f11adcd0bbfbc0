"""Presets by name, by file and by their options."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.presets._files import SUFFIX, load_preset, saved_presets
from napari_umis_fusion.presets._preset import Preset
from napari_umis_fusion.presets._shipped import PRESETS
from napari_umis_fusion.presets._told import AUTO
from napari_umis_fusion.runtime import user_path


def find_preset(text: str | os.PathLike[str]) -> Preset:
    """Return a preset by its name or its file.

    Parameters
    ----------
    text : str or path
        Name of a preset of this package or of your own, whatever the case, with hyphens or
        underscores for spaces; or a file that `save_preset` wrote.

    Raises
    ------
    ConfigError
        If there is no such preset, or the file is none.
    """
    if Path(text).suffix.lower() == SUFFIX:
        return load_preset(user_path(text))
    if _plain(str(text)) == AUTO:
        raise ConfigError(
            f"{str(text)!r} stands for what the metadata of one stack tell, which only "
            f"'umis-fusion fuse --preset {AUTO}' looks at; accepted are names of presets and files."
        )
    known = [*PRESETS.values(), *saved_presets()]
    for preset in known:
        if _plain(preset.name) == _plain(str(text)):
            return preset
    names = ", ".join(repr(preset.name) for preset in known)
    raise ConfigError(
        f"there is no preset {str(text)!r}; accepted are {names}, and files that end in {SUFFIX}."
    )


def preset_of(config: FusionConfig, presets: Iterable[Preset]) -> Preset | None:
    """Return the first preset that has the options of a config; None if there is none."""
    return next((preset for preset in presets if preset.is_of(config)), None)


def _plain(name: str) -> str:
    """Return a name as it is compared."""
    return " ".join(re.split(r"[\s_-]+", name.strip())).casefold()
