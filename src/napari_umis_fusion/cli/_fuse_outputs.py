"""Files that ``umis-fusion fuse`` writes: their options, and what is refused before any work."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import DTypeLike

from napari_umis_fusion.alignment import check_table_path
from napari_umis_fusion.cli._options import check_table_option, option_name
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.write import check_output_path
from napari_umis_fusion.fusion import DepthFill
from napari_umis_fusion.runtime import first_same, user_path
from napari_umis_fusion.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

MAPS: dict[str, tuple[DTypeLike, str]] = {
    "index_map": (np.uint16, "the index map: the plane in focus at each pixel."),
    "source_map": (
        np.uint16,
        "the source map: the plane each pixel was copied from. Needs --blend select.",
    ),
    "depth_map": (np.float32, "the depth map in µm, as float32."),
    "depth_error_map": (
        np.float32,
        "the standard error of the depth in µm, as float32; implies --depth-error.",
    ),
    "confidence_map": (np.float32, "the confidence map, from 0 to 1."),
    "never_in_focus": (np.bool_, "where no plane shows detail: 1 there, elsewhere 0."),
}
"""Data type and content of each map that can be written."""


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


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the files to write, and what they tell."""
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT", help="File for the all-in-focus image."
    )
    for name, (_, what) in MAPS.items():
        parser.add_argument(option_name(name), metavar="P", help=f"Also write {what}")
    parser.add_argument(
        "--depth-fill",
        choices=get_args(DepthFill),
        default="decided",
        help="Depth where no plane shows detail: as decided (default), interpolated from around, "
        "or none (NaN).",
    )
    parser.add_argument(
        "--save-transforms",
        metavar="CSV",
        help="Also write the alignment as a CSV table, one row per plane: shift, magnification, "
        "correlation before and after, and whether it was applied and why.",
    )
    parser.add_argument(
        "--provenance",
        choices=("short", "full"),
        default="short",
        help="What the results tell of your computer: names of files only (short, the default), "
        "or their folders too (full).",
    )


def outputs_of(arguments: argparse.Namespace, stack: Stack) -> list[OutputFile]:
    """Return the files that are asked for."""
    image = OutputFile("all_in_focus", arguments.output, stack.dtype, stack.channel_count)
    maps = [(name, getattr(arguments, name), dtype) for name, (dtype, _) in MAPS.items()]
    return [image, *(OutputFile(*each) for each in maps if each[1] is not None)]


def check_outputs(outputs: Sequence[OutputFile], stack: Stack, inputs: Sequence[str]) -> None:
    """Refuse files that cannot be written, replace an input, or are one file.

    Raises
    ------
    StackFileError
        If one cannot or must not be written.
    ConfigError
        If two have one path.
    """
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


def check_table(
    arguments: argparse.Namespace, config: FusionConfig, stack: Stack, inputs: Sequence[str]
) -> None:
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
    check_table_option("--save-transforms", path, inputs)
    check_table_path(user_path(path))
