"""``umis-fusion presets``: options of a fusion by specimen."""

import argparse
from typing import Any

from napari_umis_fusion.cli._actions import add_action, add_actions
from napari_umis_fusion.cli._options import add_config_options, config_from, option_name
from napari_umis_fusion.cli._report import print_json, print_line
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.presets import (
    PRESETS,
    Preset,
    delete_preset,
    load_preset,
    save_preset,
    saved_presets,
)


def add_presets_parser(commands: Any) -> None:
    """Add the command and its own commands to the parser."""
    parser = commands.add_parser(
        "presets",
        help="List, save, import and delete presets: options of a fusion by specimen.",
        description="Presets of a fusion by specimen: those of this package and your own. Use one "
        "with umis-fusion fuse --preset NAME.",
        allow_abbrev=False,
    )
    actions = add_actions(parser)
    add_action(actions, "list", run_list, "List all presets, with the reason of each.")
    saving = add_action(
        actions, "save", run_save, "Save the given options as a preset of your own."
    )
    saving.add_argument("name", metavar="NAME", help="Name of the preset.")
    saving.add_argument("--specimen", default="", metavar="TEXT", help="What it is for.")
    saving.add_argument("--reason", default="", metavar="TEXT", help="Why its options are so.")
    saving.add_argument(
        "--file", metavar="FILE", help="Save to a file (.json) for others, not among your own."
    )
    saving.add_argument("--replace", action="store_true", help="Replace one of the same name.")
    saving.add_argument("--preset", metavar="NAME", help="Preset from which options are taken.")
    add_config_options(saving, FusionConfig, "fusion options")
    importing = add_action(actions, "import", run_import, "Copy a preset file among your own.")
    importing.add_argument("file", metavar="FILE", help="File that was saved as a preset.")
    deleting = add_action(actions, "delete", run_delete, "Delete a preset of your own.")
    deleting.add_argument("name", metavar="NAME", help="Name of the preset.")


def run_list(arguments: argparse.Namespace) -> None:
    """Print all presets."""
    shown = [*PRESETS.values(), *saved_presets()]
    if arguments.json:
        print_json({"presets": [_facts(preset) for preset in shown]})
        return
    for preset in shown:
        print_line(f"{preset.name}: {preset.specimen}".rstrip(": "))
        print_line(f"  {_options(preset)}")
        if preset.reason:
            print_line(f"  {preset.reason}")


def run_save(arguments: argparse.Namespace) -> None:
    """Save options as a preset."""
    preset = Preset.of(config_from(arguments), arguments.name, arguments.specimen, arguments.reason)
    path = save_preset(preset, arguments.file, replace=arguments.replace)
    _report(arguments, {"saved": str(path)})


def run_import(arguments: argparse.Namespace) -> None:
    """Copy a file among the user's own presets."""
    path = save_preset(load_preset(arguments.file))
    _report(arguments, {"imported": str(path)})


def run_delete(arguments: argparse.Namespace) -> None:
    """Delete a preset."""
    delete_preset(arguments.name)
    _report(arguments, {"deleted": arguments.name})


def _report(arguments: argparse.Namespace, done: dict[str, str]) -> None:
    if arguments.json:
        print_json(done)
        return
    for verb, what in done.items():
        print_line(f"{verb}: {what}")


def _facts(preset: Preset) -> dict[str, Any]:
    """Return a preset as JSON values."""
    return {
        "name": preset.name,
        "specimen": preset.specimen,
        "reason": preset.reason,
        "options": dict(preset.options),
    }


def _options(preset: Preset) -> str:
    """Return the options as they would be typed."""
    typed = [f"{option_name(name)} {value}" for name, value in preset.options.items()]
    return " ".join(typed) or "the default options"
