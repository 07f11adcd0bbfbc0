"""``umis-fusion around``: project a stack around the surface of a depth map."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.cli._one_image import depth_um_of, never_in_focus_of, open_image
from napari_umis_fusion.cli._options import add_config_options, config_from, given_options
from napari_umis_fusion.cli._report import print_json, print_written, run_with_progress
from napari_umis_fusion.cli._stack_input import (
    add_axis_options,
    add_stack_input,
    set_z_step,
    stack_from,
)
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.write import ImageAbout, check_output_path, write_image
from napari_umis_fusion.projection import (
    AroundConfig,
    describe_around,
    iter_project_around,
    plane_positions_um,
    surface_of,
)


def add_around_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "around",
        help="Project a stack around the surface of a depth map.",
        description="Project a stack, such as another channel, around the surface that a depth "
        "map shows: the planes in a slab that follows it.",
        allow_abbrev=False,
    )
    add_stack_input(parser)
    parser.add_argument(
        "--depth",
        required=True,
        metavar="MAP",
        help="Depth map in µm, or index map (whole numbers), of the size of the planes.",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="File for the projected image."
    )
    parser.add_argument(
        "--never-in-focus", metavar="P", help="Image that is not 0 where the depth means nothing."
    )
    parser.add_argument(
        "--z-step-um", type=float, metavar="S", help="Distance between planes of the input in µm."
    )
    parser.add_argument(
        "--depth-step-um",
        type=float,
        metavar="S",
        help="Distance between planes of the stack that an index map is of (default: as in its "
        "file).",
    )
    parser.add_argument(
        "--first-plane-um",
        type=float,
        default=0.0,
        metavar="Z",
        help="Where the first plane of the input lies on the scale of the depths, in µm (default: "
        "at 0).",
    )
    add_axis_options(parser)
    add_config_options(parser, AroundConfig, "slab")
    add_config_options(parser, FusionConfig, "fusion within the slab, with --method edf")
    parser.set_defaults(run=run_around)


def run_around(arguments: argparse.Namespace) -> None:
    """Project, and write the image."""
    config = AroundConfig(**given_options(arguments, AroundConfig))
    fusion = _fusion(arguments, config)
    stack = stack_from(arguments)
    set_z_step(stack, arguments.z_step_um)
    inputs = [*stack.sources, *filter(None, (arguments.depth, arguments.never_in_focus))]
    check_output_path(
        arguments.output,
        protect=inputs,
        dtype=stack.dtype,
        channels=stack.channel_count,
        rgb=stack.rgb,
    )
    depth = depth_um_of(
        open_image(arguments.depth), arguments.depth, arguments.depth_step_um, "--depth-step-um"
    )
    never = never_in_focus_of(arguments.never_in_focus)
    positions = plane_positions_um(stack.calibration, len(stack), arguments.first_plane_um)
    surface = surface_of(stack, depth.astype(np.float32), never, config)
    steps = iter_project_around(stack, surface, positions, config, fusion)
    result = run_with_progress(steps, quiet=arguments.json, what="projecting")
    told = describe_around(config, Path(arguments.depth).name, result.notes, fusion)
    written = write_image(
        arguments.output,
        result.image,
        calibration=result.calibration,
        rgb=result.rgb,
        provenance=told,
        about=ImageAbout("around the surface", stack.channel_names, stack.channel_colours),
        protect=inputs,
    )
    if arguments.json:
        print_json({"output": str(written), "provenance": told})
        return
    print_written({"written": written}, result.notes)


def _fusion(arguments: argparse.Namespace, config: AroundConfig) -> FusionConfig | None:
    given = given_options(arguments, FusionConfig)
    if given and config.method != "edf":
        raise ConfigError(
            f"--{next(iter(given)).replace('_', '-')} is for the fusion within the slab; add "
            "--method edf, or leave it out."
        )
    if given.get("align", "none") != "none":
        raise ConfigError(
            f"--align {given['align']}: planes around a surface are taken as they lie, since the "
            "depth map is of them; leave it out, or align the stack before."
        )
    return config_from(arguments) if given else None
