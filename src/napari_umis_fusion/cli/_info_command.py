"""``umis-fusion info``: describe a file."""

import argparse
from pathlib import Path
from typing import Any

from napari_umis_fusion.cli._report import print_json, print_line
from napari_umis_fusion.files.read import describe_file

CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt")


def add_info_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info",
        help="Describe a file: axes, data type and sizes, or which weights it holds.",
        description="Describe a stack, an image, a folder of images or a checkpoint.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="Stack, image, folder or checkpoint.")
    parser.set_defaults(run=run_info)


def run_info(arguments: argparse.Namespace) -> None:
    """Print the description, one fact per line."""
    facts = _describe(Path(arguments.file))
    if arguments.json:
        print_json(facts)
        return
    for name, value in _flat(facts):
        print_line(f"{name.replace('_', ' ')}: {value}")


def _describe(path: Path) -> dict[str, Any]:
    if path.suffix.lower() in CHECKPOINT_SUFFIXES:
        from napari_umis_fusion.network import describe_checkpoint

        return describe_checkpoint(path)
    return describe_file(path)


def _flat(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{name} ")
        elif value is not None:
            shown = " x ".join(map(str, value)) if isinstance(value, list | tuple) else value
            lines.append((prefix + name, shown))
    return lines
