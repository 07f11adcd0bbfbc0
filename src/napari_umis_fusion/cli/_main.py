"""Parse the command line, run a command, and convert errors to exit codes."""

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_umis_fusion.cli._actions import add_actions, add_flags
from napari_umis_fusion.cli._parser import Parser
from napari_umis_fusion.cli._report import one_line_warnings, print_error
from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.runtime import (
    package_version,
    reason_of,
    start_light_numba,
    start_light_numpy,
)

COMMANDS = (
    "fuse",
    "batch",
    "watch",
    "zarr",
    "demo",
    "info",
    "metrics",
    "compare",
    "substack",
    "surface",
    "around",
    "train",
    "models",
    "presets",
)
"""Commands in the order of the help, each in its module."""

FUSING = ("fuse", "batch", "watch", "zarr", "demo", "compare")
"""Those that run kernels at once."""

SUCCESS, BAD_INPUT, USAGE, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `umis-fusion`.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0 on success, 1 for unusable input or output, 2 for wrong usage, 130 if interrupted, 141 if
        the reader of its output is gone.
    """
    try:
        return _run(arguments)
    except KeyboardInterrupt as stop:
        print_error("interrupted", str(stop) or "no partial file was left")
        return INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    """Run a command; what it needs is loaded here, which may be interrupted, too."""
    if arguments is None:
        gc.disable()
    given = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None and given[:1] and given[0] in FUSING:
        start_light_numpy()
        start_light_numba()
    try:
        parsed = build_parser(*given[:1]).parse_args([_as_file(text) for text in given])
    except SystemExit as stop:
        return int(stop.code or SUCCESS)
    if arguments is None:
        # What is loaded stays; to search it for cycles again takes an eighth of a short run.
        gc.freeze()
        gc.enable()
    try:
        with one_line_warnings():
            parsed.run(parsed)
    except ConfigError as error:
        return _fail(error, USAGE, parsed.debug)
    except BrokenPipeError:
        # Python would complain of the same when it flushes the output at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except Exception as error:
        return _fail(error, BAD_INPUT, parsed.debug)
    return SUCCESS


def build_parser(first: str = "") -> argparse.ArgumentParser:
    """Return the parser of all commands, or of the one that the first argument names.

    What a command needs is imported with its parser, which takes most of the time of short runs.
    """
    parser = Parser(
        "umis-fusion",
        description="All-in-focus images and depth maps from microscope z-stacks.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=package_version())
    commands = add_actions(parser)
    for name in (first,) if first in COMMANDS else COMMANDS:
        module = importlib.import_module(f"napari_umis_fusion.cli._{name}_command")
        getattr(module, f"add_{name}_parser")(commands)
    for command in commands.choices.values():
        add_flags(command)
    return parser


def _as_file(text: str) -> str:
    """Return an argument; the name of a file that begins with a hyphen is no option."""
    is_file = text.startswith("-") and "." in text and Path(text).is_file()
    return f"./{text}" if is_file else text


def _fail(error: Exception, code: int, debug: bool) -> int:
    """Print an error as one line, or raise it for its traceback."""
    if debug:
        raise error
    print_error("error", _told(error))
    return code


def _told(error: Exception) -> str:
    """Return what an error says; of the system's, the file and the reason without its number."""
    if isinstance(error, UmisFusionError):
        return str(error)
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        return (
            f"{named}{reason_of(error)}. Check the path, and whether you may read and write there."
        )
    name = type(error).__name__
    return f"unexpected {name}: {error}. This is a fault of the program; --debug shows where."
