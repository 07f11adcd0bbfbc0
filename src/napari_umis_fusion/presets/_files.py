"""Your own presets: files in a folder, to be copied to others."""

import json
import os
import re
import warnings
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
    where = preset_folder() / _file_name(preset.name) if path is None else user_path(path)
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
    for path in sorted(preset_folder().glob(f"*{SUFFIX}")):
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
    for path in sorted(preset_folder().glob(f"*{SUFFIX}")):
        try:
            own = load_preset(path).name
        except ConfigError:
            continue  # another program's file
        if own.casefold() == name.casefold():
            path.unlink()
            return
    raise ConfigError(
        f"there is no preset {name!r} of your own; those of this package cannot be deleted."
    )


def _file_name(name: str) -> str:
    """Return a file name that every system accepts."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
    # Names without a Latin letter still get a file of their own.
    return f"preset-{plain or name.encode().hex()[:40]}{SUFFIX}"
