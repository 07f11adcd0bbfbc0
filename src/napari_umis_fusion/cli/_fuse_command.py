"""``umis-fusion fuse``: fuse a stack in files into an all-in-focus image and maps."""

import argparse
from pathlib import Path
from typing import Any

from napari_umis_fusion.cli._fuse_outputs import (
    add_output_options,
    check_outputs,
    check_table,
    outputs_of,
)
from napari_umis_fusion.cli._options import add_config_options, config_from
from napari_umis_fusion.cli._report import print_json, print_written, run_with_progress
from napari_umis_fusion.cli._stack_input import (
    add_axis_options,
    add_stack_input,
    set_z_step,
    stack_from,
)
from napari_umis_fusion.cli._told_preset import notes_on_preset, told_config
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion import iter_fuse, provenance_told, write_output
from napari_umis_fusion.presets import AUTO, told_preset
from napari_umis_fusion.stack import Stack


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
    add_stack_input(parser)
    add_output_options(parser)
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
        "--overrides",
        metavar="IMG",
        help="Image of planes that were chosen by hand, as the retouch panel saves it: 0 as "
        "decided, k + 1 the value of plane k.",
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
    if arguments.depth_error_map is not None:
        arguments.depth_error = True
    if arguments.preset != AUTO:
        config_from(arguments)  # faults of options come before those of files
    stack = stack_from(arguments)
    told = told_preset(stack.optics)
    config = told_config(arguments, told)
    set_z_step(stack, arguments.z_step_um)
    # all files are checked first: a fusion may take long
    _check_options(arguments, config, stack)
    outputs = outputs_of(arguments, stack)
    inputs = _inputs(arguments, config, stack)
    check_outputs(outputs, stack, inputs)
    check_table(arguments, config, stack, inputs)
    given = {name: getattr(arguments, name) for name in ("transforms", "overrides", "planes")}
    result = run_with_progress(iter_fuse(stack, config, **given), quiet=arguments.json)
    is_full = arguments.provenance == "full"
    settings = {"full_provenance": is_full, "depth_fill": arguments.depth_fill}
    written = {
        one.option: str(
            write_output(one.path, one.option, result, stack, name=_stem(stack), **settings)
        )
        for one in outputs
    }
    if arguments.save_transforms and result.alignment is not None:
        written["transforms"] = str(result.alignment.save(arguments.save_transforms))
    if arguments.json:
        facts = {"outputs": written, "provenance": provenance_told(result, stack, full=is_full)}
        print_json({**facts, "told_preset": told and told.preset.name})
        return
    print_written(written, (*notes_on_preset(arguments, told), *result.notes))


def _check_options(arguments: argparse.Namespace, config: FusionConfig, stack: Stack) -> None:
    """Refuse outputs that the input or other options do not allow; raises `ConfigError`."""
    option = "--depth-map" if arguments.depth_map else "--depth-error-map"
    needs_step = arguments.depth_map or arguments.depth_error_map
    if needs_step and stack.calibration.z_step_um is None:
        raise ConfigError(
            f"{option} needs the distance between planes, which the input does not contain; add "
            "--z-step-um."
        )
    if arguments.depth_fill != "decided" and arguments.depth_map is None:
        raise ConfigError(f"--depth-fill {arguments.depth_fill} without --depth-map; add that.")
    if arguments.source_map is not None and config.blend != "select":
        raise ConfigError(f"--source-map with --blend {config.blend}; accepted is --blend select.")


def _inputs(arguments: argparse.Namespace, config: FusionConfig, stack: Stack) -> list[str]:
    """Return all files that the run reads."""
    others = (arguments.transforms, arguments.overrides, config.checkpoint)
    return [*stack.sources, *(path for path in others if path is not None)]


def _stem(stack: Stack) -> str:
    """Return the name of the only file, or of the folder of several."""
    if not stack.sources:
        return ""
    first = Path(stack.sources[0])
    return first.name.partition(".")[0] if len(stack.sources) == 1 else first.parent.name
