"""``umis-fusion info``: describe a file."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from napari_umis_fusion.cli._report import print_json, print_line
from napari_umis_fusion.cli._stack_input import add_axis_options, index_from
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.ome_zarr import zarr_kind
from napari_umis_fusion.files.read import describe_file, open_stack
from napari_umis_fusion.preprocess.health import (
    PlaneReport,
    found_and_done,
    notes_on,
    report_planes,
)
from napari_umis_fusion.runtime import user_path
from napari_umis_fusion.scale import describe_zarr

_SHOWN = 12
CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt")


def add_info_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info",
        help="Describe a file: axes, data type and sizes, or which weights it holds.",
        description="Describe a stack, an image, a folder of images, OME-Zarr or a checkpoint.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "file", metavar="FILE", help="Stack, image, folder, OME-Zarr or checkpoint."
    )
    parser.add_argument(
        "--planes",
        action="store_true",
        help="Read all planes of a stack and list each: values, sharpness, and whether it is "
        "blank, torn, exposed otherwise or there twice.",
    )
    add_axis_options(parser)
    parser.set_defaults(run=run_info)


def run_info(arguments: argparse.Namespace) -> None:
    """Print the description, one fact per line."""
    if not arguments.planes and (arguments.z_axis or index_from(arguments)):
        raise ConfigError("--z-axis, --index and --scene choose planes to list: add --planes.")
    facts = _describe(arguments.file)
    reports = _reports(arguments) if arguments.planes else []
    if arguments.json:
        planes = {"plane_list": [one.describe() for one in reports]} if reports else {}
        print_json({**facts, **planes})
        return
    notes, axes = facts.pop("notes", []), facts.pop("names", {})
    for name, value in _flat(facts):
        print_line(f"{name.replace('_', ' ')}: {value}")
    for line in _axes(axes):
        print_line(line)
    for line in _table(reports):
        print_line(line)
    for note in [*notes, *notes_on(one.health for one in reports)]:
        print_line(f"note: {note}")


def _reports(arguments: argparse.Namespace) -> list[PlaneReport]:
    stack = open_stack(arguments.file, z_axis=arguments.z_axis, index=index_from(arguments))
    return report_planes(stack)


def _axes(names: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each axis that file names count, with its entries."""
    lines = []
    for letter, axis in names.items():
        entries = axis["entries"]
        shown = entries if len(entries) <= _SHOWN else [*entries[: _SHOWN - 2], "...", entries[-1]]
        lines.append(f"names count {letter} ({axis['counts']}), {len(entries)}: {', '.join(shown)}")
    return lines


def _table(reports: Sequence[PlaneReport]) -> list[str]:
    """Return a line for each plane, below a line of headings; nothing without planes."""
    if not reports:
        return []
    lines = ["plane       mean     lowest    highest  clipped sharpness  found: what a fusion does"]
    for one in reports:
        found = ": ".join(filter(None, found_and_done(one.health))) or "-"
        values = f"{one.mean:>10.5g} {one.lowest:>10.5g} {one.highest:>10.5g}"
        lines.append(f"{one.z:>5} {values} {one.clipped:>8.1%} {one.sharpness:>9.4f}  {found}")
    return lines


def _describe(file: str) -> dict[str, Any]:
    path = user_path(file)
    if path.suffix.lower() in CHECKPOINT_SUFFIXES:
        from napari_umis_fusion.network import describe_checkpoint

        return describe_checkpoint(path)
    if zarr_kind(path):
        return describe_zarr(path)
    return describe_file(file)


def _flat(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{name} ")
        elif value is not None:
            join = " x " if name == "shape" else ", "
            shown = join.join(map(str, value)) if isinstance(value, list | tuple) else value
            lines.append((prefix + name, shown))
    return lines
