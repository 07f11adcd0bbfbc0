"""The stack that a command reads: its files, which of their axes is z, the step of planes."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from napari_umis_fusion.cli._options import check_length
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.read import open_stack
from napari_umis_fusion.stack import Stack


def add_stack_input(parser: argparse.ArgumentParser) -> None:
    """Add the files of one stack."""
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help="Stack file, folder of planes, or plane images in focal order.",
    )


def add_axis_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select z and a part of a file."""
    parser.add_argument("--z-axis", metavar="AXIS", help="Axis of a file that is z, such as T.")
    parser.add_argument(
        "--index",
        action="append",
        default=[],
        metavar="AXIS=N",
        help="Index to take of an axis other than z, such as T=0. May be repeated.",
    )
    parser.add_argument(
        "--scene",
        type=int,
        metavar="N",
        help="Scene, or series, of a file that holds several, counted from 0.",
    )


def index_from(arguments: argparse.Namespace) -> dict[str, int] | None:
    """Return the selected index of each axis; raises `ConfigError` for anything else."""
    index = {} if arguments.scene is None else {"series": int(arguments.scene)}
    if index and any(pair.startswith("series=") for pair in arguments.index):
        raise ConfigError("--scene with --index series=; leave one of the two out.")
    for pair in arguments.index:
        axis, _, number = pair.partition("=")
        if not axis or not number.isdecimal():
            raise ConfigError(f"--index {pair}; accepted is AXIS=N such as T=0.")
        if axis in index:
            raise ConfigError(
                f"--index {axis}={index[axis]} and --index {pair}; accepted is one entry of each "
                "axis. Fuse one after the other, or all with umis-fusion batch."
            )
        index[axis] = int(number)
    return index or None


def source_from(arguments: argparse.Namespace) -> str | Sequence[str]:
    """Return the only input, which may be a folder or a pattern, or all of them."""
    given: list[str] = arguments.input
    return given[0] if len(given) == 1 else given


def stack_from(arguments: argparse.Namespace) -> Stack:
    """Open the stack of the inputs; raises `ConfigError` or `StackError`."""
    index = index_from(arguments)
    return open_stack(source_from(arguments), z_axis=arguments.z_axis, index=index)


def set_z_step(stack: Stack, step_um: float | None) -> None:
    """Replace what a stack tells of its planes' distance, in µm; None keeps it.

    Raises
    ------
    ConfigError
        If it is not a positive number.
    """
    check_length("--z-step-um", step_um)
    if step_um is not None:
        stack.calibration = replace(stack.calibration, z_step_um=step_um, z_positions_um=None)
