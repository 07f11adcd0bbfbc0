"""``umis-fusion fuse``: fuse a stack in files into an all-in-focus image and maps."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import DTypeLike

from napari_umis_fusion.alignment import check_table_path
from napari_umis_fusion.cli._options import (
    add_axis_options,
    add_config_options,
    check_length,
    config_from,
    index_from,
)
from napari_umis_fusion.cli._report import print_json, print_line, run_with_progress
from napari_umis_fusion.cli._told_preset import notes_on_preset, told_config
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.files.write import check_output_path
from napari_umis_fusion.fusion import DepthFill, iter_fuse, provenance_told, write_output
from napari_umis_fusion.models.library import find_weights
from napari_umis_fusion.presets import AUTO, told_preset
from napari_umis_fusion.runtime import first_same
from napari_umis_fusion.stack import Stack


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file to write.

    Attributes
    ----------
    option : str
        Name of the result, as in the JSON output.
    path : str
        Path of the file.
    dtype : dtype-like
        Data type of its content.
    channels : int or None
        Number of channels of its content.
    """

    option: str
    path: str
    dtype: DTypeLike
    channels: int | None = None


def add_fuse_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "fuse",
        help="Fuse a z-stack into an all-in-focus image.",
        description="Fuse a z-stack: a TIFF stack, a folder, a glob pattern or a list of images in "
        "focal order; with the extra bioio, also LIF, ND2, CZI and others. The extension of an "
        "output chooses its format: .ome.tif, .imagej.tif, .tif, .png or .jpg.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help="Stack file, folder of planes, or plane images in focal order.",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="File for the all-in-focus image."
    )
    parser.add_argument(
        "--index-map",
        metavar="P",
        help="Also write the index map: the plane in focus at each pixel.",
    )
    parser.add_argument(
        "--source-map",
        metavar="P",
        help="Also write the source map: the plane each pixel was copied from. Needs --blend "
        "select.",
    )
    parser.add_argument(
        "--depth-map", metavar="P", help="Also write the depth map in µm, as float32."
    )
    parser.add_argument(
        "--depth-error-map",
        metavar="P",
        help="Also write the standard error of the depth in µm, as float32; implies --depth-error.",
    )
    parser.add_argument(
        "--confidence-map", metavar="P", help="Also write the confidence map, from 0 to 1."
    )
    parser.add_argument(
        "--never-in-focus",
        metavar="P",
        help="Also write where no plane shows detail: 1 there, elsewhere 0.",
    )
    parser.add_argument(
        "--depth-fill",
        choices=get_args(DepthFill),
        default="decided",
        help="Depth where no plane shows detail: as decided (default), interpolated from around, "
        "or none (NaN).",
    )
    parser.add_argument(
        "--planes",
        type=int,
        nargs=2,
        metavar=("A", "B"),
        help="First and last plane to fuse, counted from 0 (default: all). Maps count planes as "
        "the whole stack does.",
    )
    parser.add_argument(
        "--z-step-um", type=float, metavar="S", help="Distance between planes in µm."
    )
    parser.add_argument(
        "--transforms",
        metavar="CSV",
        help="Align the planes with the transforms of a table that --save-transforms wrote, "
        "instead of estimating them.",
    )
    parser.add_argument(
        "--save-transforms",
        metavar="CSV",
        help="Also write the alignment as a CSV table, one row per plane: shift, magnification, "
        "correlation before and after, and whether it was applied and why.",
    )
    parser.add_argument(
        "--overrides",
        metavar="IMG",
        help="Image of planes that were chosen by hand, as the retouch panel saves it: 0 as "
        "decided, k + 1 the value of plane k.",
    )
    parser.add_argument(
        "--provenance",
        choices=("short", "full"),
        default="short",
        help="What the results tell of your computer: names of files only (short, the default), "
        "or their folders too (full).",
    )
    add_axis_options(parser)
    parser.add_argument("--reference", action="store_true", help="Use the published method.")
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="Options by specimen: a preset of this package or of your own (umis-fusion presets "
        "list), or a preset file; 'auto' for the one that the metadata of the files tell. Options "
        "that are given override it.",
    )
    add_config_options(parser, FusionConfig, "fusion options")
    parser.set_defaults(run=run_fuse)


def run_fuse(arguments: argparse.Namespace) -> None:
    """Fuse as the arguments say; all outputs are checked before any work."""
    if "checkpoint" in arguments:
        arguments.checkpoint = find_weights(arguments.checkpoint)
    if arguments.depth_error_map is not None:
        arguments.depth_error = True
    if arguments.preset != AUTO:
        config_from(arguments)  # faults of options come before those of files
    source = arguments.input[0] if len(arguments.input) == 1 else arguments.input
    stack = open_stack(source, z_axis=arguments.z_axis, index=index_from(arguments))
    told = told_preset(stack.optics)
    config = told_config(arguments, told)
    stack = _with_step(stack, arguments)
    if arguments.depth_fill != "decided" and arguments.depth_map is None:
        raise ConfigError(f"--depth-fill {arguments.depth_fill} without --depth-map; add that.")
    if arguments.source_map is not None and config.blend != "select":
        raise ConfigError(f"--source-map with --blend {config.blend}; accepted is --blend select.")
    # all files are checked first: a fusion may take long
    outputs = _outputs(arguments, stack)
    _check_outputs(outputs, stack, _inputs(arguments, stack))
    _check_table(arguments, config, stack)
    given = {name: getattr(arguments, name) for name in ("transforms", "overrides", "planes")}
    result = run_with_progress(iter_fuse(stack, config, **given), quiet=arguments.json)
    is_full = arguments.provenance == "full"
    written = {
        output.option: str(
            write_output(
                output.path,
                output.option,
                result,
                stack,
                name=_stem(stack),
                full_provenance=is_full,
                depth_fill=arguments.depth_fill,
            )
        )
        for output in outputs
    }
    if arguments.save_transforms and result.alignment is not None:
        written["transforms"] = str(result.alignment.save(arguments.save_transforms))
    if arguments.json:
        facts = {"outputs": written, "provenance": provenance_told(result, stack, full=is_full)}
        print_json({**facts, "told_preset": told and told.preset.name})
        return
    for note in (*notes_on_preset(arguments, told), *result.notes):
        print_line(f"note: {note}")
    for option, path in written.items():
        print_line(f"{option}: {path}")


def _check_table(arguments: argparse.Namespace, config: FusionConfig, stack: Stack) -> None:
    """Refuse a table of transforms that would be empty, or cannot be written."""
    path = arguments.save_transforms
    if path is None:
        return
    if not config.aligns and arguments.transforms is None:
        raise ConfigError("--save-transforms without alignment; add --align auto or --transforms.")
    if len(stack) == 1:
        raise ConfigError(
            "--save-transforms with a stack of 1 plane; accepted are stacks of two planes or more."
        )
    if Path(path).suffix.lower() != ".csv":
        raise ConfigError(f"--save-transforms {path}; accepted is a file name that ends in .csv.")
    if not Path(path).absolute().parent.is_dir():
        raise ConfigError(f"--save-transforms {path}: the folder does not exist; create it first.")
    if first_same(path, _inputs(arguments, stack)):
        raise ConfigError(
            f"--save-transforms {path}: is an input, which is never overwritten; choose another "
            "name."
        )
    check_table_path(Path(path))


def _with_step(stack: Stack, arguments: argparse.Namespace) -> Stack:
    step = arguments.z_step_um
    if step is not None:
        check_length("--z-step-um", step)
        stack.calibration = replace(stack.calibration, z_step_um=step, z_positions_um=None)
    option = "--depth-map" if arguments.depth_map else "--depth-error-map"
    needs_step = arguments.depth_map or arguments.depth_error_map
    if needs_step and stack.calibration.z_step_um is None:
        raise ConfigError(
            f"{option} needs the distance between planes, which the input does not contain; add "
            "--z-step-um."
        )
    return stack


def _outputs(arguments: argparse.Namespace, stack: Stack) -> list[OutputFile]:
    channels = stack.shape[3] if len(stack.shape) == 4 else None
    wanted = [
        OutputFile("all_in_focus", arguments.output, stack.dtype, channels),
        OutputFile("index_map", arguments.index_map, np.uint16),
        OutputFile("source_map", arguments.source_map, np.uint16),
        OutputFile("depth_map", arguments.depth_map, np.float32),
        OutputFile("depth_error_map", arguments.depth_error_map, np.float32),
        OutputFile("confidence_map", arguments.confidence_map, np.float32),
        OutputFile("never_in_focus", arguments.never_in_focus, np.bool_),
    ]
    return [output for output in wanted if output.path is not None]


def _inputs(arguments: argparse.Namespace, stack: Stack) -> list[str]:
    """Return all files that the run reads."""
    others = (arguments.transforms, arguments.overrides, getattr(arguments, "checkpoint", None))
    return [*stack.sources, *(path for path in others if path is not None)]


def _check_outputs(outputs: Sequence[OutputFile], stack: Stack, inputs: Sequence[str]) -> None:
    paths: list[Path] = []
    for output in outputs:
        path = check_output_path(
            output.path,
            protect=inputs,
            dtype=np.dtype(output.dtype),
            channels=output.channels,
            rgb=stack.rgb,
        )
        if first_same(path, paths):
            raise ConfigError(f"two outputs have the path {path}; give each its own.")
        paths.append(path)


def _stem(stack: Stack) -> str:
    """Return the name of the only file, or of the folder of several."""
    if not stack.sources:
        return ""
    first = Path(stack.sources[0])
    return first.name.partition(".")[0] if len(stack.sources) == 1 else first.parent.name
