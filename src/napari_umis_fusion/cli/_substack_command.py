"""``umis-fusion substack``: the planes around the plane in focus, followed over time."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.cli._options import (
    add_config_options,
    channel_rule,
    check_table_option,
    given_options,
)
from napari_umis_fusion.cli._report import print_json, print_written, run_with_progress
from napari_umis_fusion.cli._stack_input import add_axis_options, index_from, source_from
from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.files import (
    FILE_KEY,
    LayerData,
    check_output_path,
    read_layers,
    write_image_layer,
    write_series,
)
from napari_umis_fusion.files.read import is_tiff, list_files
from napari_umis_fusion.files.write import naming_write_errors
from napari_umis_fusion.layers import SubstackConfig, Substacks, iter_substack_layer
from napari_umis_fusion.runtime import user_path, write_csv


def add_substack_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "substack",
        help="Take a few planes around the plane in focus, which follow it over time.",
        description="Take a few planes around the plane in focus of each time point and position, "
        "with the values as recorded. Over time they follow a smooth way, which does not jump.",
        allow_abbrev=False,
    )
    parser.add_argument("input", nargs="+", metavar="INPUT", help="File, or folder of planes.")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="File for the sub-stack: .ome.tif, or .imagej.tif for one channel.",
    )
    parser.add_argument(
        "--table",
        metavar="CSV",
        help="Also write the planes as a table: at each time point the plane in focus, the way "
        "that is followed, whether it was left aside, and the first and last plane taken.",
    )
    parser.add_argument(
        "--channel",
        type=channel_rule,
        default="auto",
        metavar="N",
        help="Channel on which the plane in focus is found, from 0, or auto, luminance, mean, max.",
    )
    add_axis_options(parser)
    add_config_options(parser, SubstackConfig, "sub-stack options")
    parser.set_defaults(run=run_substack)


def run_substack(arguments: argparse.Namespace) -> None:
    """Take sub-stacks as the arguments say; outputs are checked before any work."""
    config = SubstackConfig(**given_options(arguments, SubstackConfig))
    layers, z_axis = _open(arguments)
    files = [str(path) for path in list_files(source_from(arguments))]
    first = layers[0]
    target = check_output_path(arguments.output, protect=files, dtype=np.dtype(first[0].dtype))
    _refuse_among_planes(target, files)
    if arguments.table is not None:
        check_table_option("--table", arguments.table, files)
    working = iter_substack_layer(layers, config, z_axis=z_axis, channel=arguments.channel)
    found = run_with_progress(working, quiet=arguments.json, what="measuring")
    written = {"substack": _write(arguments, layers, found, files)}
    if arguments.table is not None:
        written["table"] = str(_write_table(arguments.table, found, config))
    if arguments.json:
        firsts = [
            {"position": list(position), "first_planes": planes}
            for position, planes in found.first_planes.items()
        ]
        told = {"outputs": written, "options": config.as_dict(), "planes": firsts}
        print_json({**told, "notes": list(found.notes)})
        return
    print_written(written, found.notes)


def _refuse_among_planes(target: Path, files: list[str]) -> None:
    """Refuse a file beside planes: its values are recorded ones, so that it would look like one."""
    if len(files) > 1 and target.parent in {user_path(file).resolve().parent for file in files}:
        raise StackFileError(
            f"{target}: is in the folder of the planes, where it would be read as one of them; "
            "choose another folder."
        )


def _open(arguments: argparse.Namespace) -> tuple[list[LayerData], str | None]:
    """Return the channels of one image, and the axis of a single file that is z."""
    source, index = source_from(arguments), index_from(arguments) or {}
    files = list_files(source)
    z_axis, scene = arguments.z_axis, None
    if len(files) == 1 and is_tiff(files[0]):
        scene = index.pop("series", None)
        if index:
            raise ConfigError(
                "--index is for files whose names count axes; of a single file all time points "
                "and positions are taken. Leave it out."
            )
        layers = read_layers(source)
    else:
        layers, z_axis = read_layers(source, z_axis=z_axis, index=index or None), None
    known = sorted({_series(layer) for layer in layers})
    if scene is None and len(known) == 1:
        return layers, z_axis
    if scene not in known:
        got = "" if scene is None else f"--scene {scene}: "
        raise ConfigError(
            f"{got}the input holds the images {', '.join(str(one) for one in known)}; choose one "
            "of them with --scene."
        )
    return [layer for layer in layers if _series(layer) == scene], z_axis


def _series(layer: LayerData) -> int:
    return int(layer[1]["metadata"][FILE_KEY].get("series", 0))


def _write(
    arguments: argparse.Namespace, layers: list[LayerData], found: Substacks, files: list[str]
) -> str:
    """Write the sub-stacks of all channels into one file."""
    made = []
    for (_, given, _), (array, attributes, kind) in zip(layers, found.layers, strict=True):
        # It tells the writer which layers are channels of one image.
        origin = {FILE_KEY: given["metadata"][FILE_KEY]}
        made.append((array, {**attributes, "metadata": attributes["metadata"] | origin}, kind))
    if len(made) > 1:
        return write_series(arguments.output, made, protect=files)[0]
    return write_image_layer(arguments.output, *made[0][:2], protect=files)[0]


def _write_table(path: str, found: Substacks, config: SubstackConfig) -> Path:
    target = user_path(path)
    rows = [("position", "time", "in_focus", "followed", "left_aside", "first", "last")]
    for position, track in found.tracks.items():
        place = " ".join(str(one) for one in position)
        times = zip(track.measured, track.smooth, track.outliers, strict=True)
        for time, (measured, smooth, is_outlier) in enumerate(times):
            first = found.first_planes[position][time]
            ends = str(first), str(first + 2 * config.around)
            known = f"{measured:.2f}", f"{smooth:.2f}", str(int(is_outlier))
            rows.append((place, str(time), *known, *ends))
    with naming_write_errors(target):
        write_csv(target, rows)
    return target
