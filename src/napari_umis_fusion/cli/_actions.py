"""Commands of a command, such as ``umis-fusion models list``."""

import argparse
from collections.abc import Callable
from typing import Any


def add_flags(parser: argparse.ArgumentParser, **settings: Any) -> None:
    """Add the options that every command has."""
    for option, text in (
        ("--json", "Print one line of JSON."),
        ("--debug", "Print the traceback of an error."),
    ):
        parser.add_argument(option, action="store_true", help=text, **settings)


def add_actions(parser: argparse.ArgumentParser) -> Any:
    """Add a place for commands of a command, one of which must be given."""
    return parser.add_subparsers(title="commands", required=True, metavar="COMMAND")


def add_action(
    actions: Any, name: str, run: Callable[[argparse.Namespace], None], help_text: str
) -> argparse.ArgumentParser:
    """Add a command of a command; the options of every command are accepted before and after it."""
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=help_text, description=help_text, allow_abbrev=False
    )
    # Not given here, they keep what was given before.
    add_flags(parser, default=argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser
