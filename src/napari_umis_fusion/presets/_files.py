"""Your own presets: files in a folder, to be copied to others."""

import itertools
import json
import os
import re
import warnings
from contextlib import suppress
from pathlib import Path

from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.presets._preset import Preset
from napari_umis_fusion.presets._shipped import PRESETS
from napari_umis_fusion.presets._told import AUTO
from napari_umis_fusion.runtime import (
    atomic_write,
    naming_faults,
    package_version,
    read_json,
    user_data,
    user_path,
)

FOLDER_VARIABLE = "UMIS_FUSION_PRESETS"
"""Environment variable that names another folder for presets."""

SUFFIX = ".json"
"""Extension of the files."""

RESERVED = {AUTO: "what metadata tell", "default": "the default options"}
"""Names that mean something else where a preset is named."""

_KIND = "napari-umis-fusion preset"


def preset_folder() -> Path:
    """Return the folder of your own presets, which may not exist yet."""
    return user_data("presets", FOLDER_VARIABLE)


def save_preset(
    preset: Preset, path: str | os.PathLike[str] | None = None, *, replace: bool = False
) -> Path:
    """Save a preset as JSON, atomically.

    Parameters
    ----------
    preset : Preset
        The preset. Options that have their default are not written.
    path : path, optional
        A file that ends in .json; by default one in `preset_folder`, where it is found by name.
    replace : bool
        Whether an existing file is replaced.

    Returns
    -------
    pathlib.Path
        The file, absolute.

    Raises
    ------
    ConfigError
        For another extension, a file that exists, a name of this package, "auto" or "default".
    StackFileError
        If the file cannot be written.
    """
    stands_for = RESERVED.get(preset.name.strip().casefold())
    if stands_for is not None:
        raise ConfigError(f"{preset.name!r} stands for {stands_for}; give yours another name.")
    if preset.name.casefold() in (name.casefold() for name in PRESETS):
        raise ConfigError(f"{preset.name!r} is a preset of this package; give yours another name.")
    where = _own_file(preset.name) if path is None else user_path(path)
    where = where.absolute()
    if where.suffix.lower() != SUFFIX:
        raise ConfigError(f"{where}: presets are saved as {SUFFIX}; change the extension.")
    if where.exists() and not replace:
        raise ConfigError(
            f"{where} exists; choose another name, or replace it (replace=True, or --replace)."
        )
    content = {
        "kind": _KIND,
        "version": package_version(),
        "name": preset.name,
        "specimen": preset.specimen,
        "reason": preset.reason,
        "options": dict(preset.options),
    }
    cannot, advice = "cannot be written", "choose another folder."
    with naming_faults(where, StackFileError, cannot, advice, of=OSError):
        if path is None:
            where.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(where) as beside:
            beside.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return where


def load_preset(path: str | os.PathLike[str]) -> Preset:
    """Read a file of `save_preset`.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Preset

    Raises
    ------
    ConfigError
        If there is no such file, it is no preset, or an option is not accepted.
    """
    where = user_path(path).absolute()
    with naming_faults(where, ConfigError, "cannot be read", "save the preset again."):
        content = read_json(where)
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise ConfigError(f"{where}: is no preset; accepted are files that save_preset wrote.")
    options = content.get("options", {})
    if not isinstance(options, dict):
        raise ConfigError(f"{where}: its options are {type(options).__name__}; accepted is a map.")
    texts = {key: content.get(key, "") for key in ("name", "specimen", "reason")}
    try:
        return Preset(**texts, options=options)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def saved_presets() -> list[Preset]:
    """Return your own presets by name; files that are none are left out with a warning."""
    found = []
    for path in _files():
        try:
            found.append(load_preset(path))
        except ConfigError as error:
            warnings.warn(f"preset left out: {error}", stacklevel=2)
    return sorted(found, key=lambda preset: preset.name.casefold())


def delete_preset(name: str) -> None:
    """Delete one of your own presets.

    Parameters
    ----------
    name : str
        Its name, in letters of either case.

    Raises
    ------
    ConfigError
        If there is none of this name.
    """
    path = _own_file(name)
    if not path.exists():
        raise ConfigError(
            f"there is no preset {name!r} of your own; those of this package cannot be deleted."
        )
    path.unlink()


def _files() -> list[Path]:
    # Hidden files are still being written.
    return sorted(preset_folder().glob(f"[!.]*{SUFFIX}"))


def _own_file(name: str) -> Path:
    """Return the file of the preset of this name, in letters of either case; else a free one."""
    for path in _files():
        with suppress(ConfigError):  # another program's file
            if load_preset(path).name.casefold() == name.casefold():
                return path
    # A name that every system accepts; other names may become the same.
    plain = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "own"
    numbers = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    places = (preset_folder() / f"preset-{plain}{number}{SUFFIX}" for number in numbers)
    return next(place for place in places if not place.exists())
