"""The parser of the command line, which refuses words in one line."""

import argparse
import difflib
import re
import sys
from typing import Any, NoReturn

from napari_umis_fusion.cli._report import print_error

_KIND = re.compile(r"invalid (float|int) value: (.*)")
_CHOICE = re.compile(r"invalid choice: (.*?) \(choose from (.*)\)")
_NUMBERS = {"float": "a number such as 0.5", "int": "a whole number"}
_LIKENESS = 0.75
"""Of two options, by difflib, from which a user has probably mistyped one."""


class Parser(argparse.ArgumentParser):
    """A parser that does not print its dozens of options where one of them is wrong."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, what is accepted and where more is told; exit with 2."""
        told = _KIND.sub(lambda found: f"got {found[2]}; accepted is {_NUMBERS[found[1]]}", message)
        told = _CHOICE.sub(r"got \1; accepted are \2", told)
        print_error("error", f"{told.rstrip('.?')}. See {self.prog} --help.")
        sys.exit(2)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments; refuse those that are unknown, with the option that was meant."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [*self._option_string_actions]
            close = [difflib.get_close_matches(one, options, 1, _LIKENESS) for one in unknown]
            meant = next(filter(None, close), None)
            hint = f"; perhaps {meant[0]} was meant" if meant else ""
            self.error(f"got {' '.join(unknown)}, which is not accepted{hint}")
        return parsed, unknown
