"""Who is timed: this package's command line, and the programs that are found."""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.processes import Usage, run


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that fuses a folder of files.

    Attributes
    ----------
    name : str
        As it stands in the tables.
    template : tuple of str
        Its command line; ``{folder}`` and ``{out}`` are filled in, ``{files}`` becomes one
        argument per file.
    """

    name: str
    template: tuple[str, ...]

    def start(self, folder: Path, out: Path, env: Mapping[str, str] | None = None) -> Usage:
        """Fuse the planes in a folder and say what it took; `env` adds to the environment."""
        out.unlink(missing_ok=True)
        return run(self.command(folder, out), env)

    def command(self, folder: Path, out: Path) -> list[str]:
        """Return the command line that fuses a folder into a file."""
        command: list[str] = []
        for word in self.template:
            if word == "{files}":
                command += map(str, sorted(folder.iterdir()))
            else:
                command.append(word.replace("{folder}", str(folder)).replace("{out}", str(out)))
        return command


@dataclass(frozen=True, slots=True)
class Peer:
    """A program of others: how it is run with alignment off, and where it comes from.

    Where `runner` names a script of this folder, that is run instead, by the Python that lies
    beside the program.
    """

    name: str
    program: str
    arguments: str
    install: str
    runner: str | None = None


ENVIRONMENT = "see benchmarks/README.md, then --peers ENVIRONMENT/bin"


def openfocus(name: str, *options: str) -> Peer:
    """Return openfocus with a method."""
    arguments = "-i {folder} -o {out} --cpu --no-exposure-match -m"
    return Peer(name, "openfocus", " ".join((arguments, *options)), ENVIRONMENT)


FOCUSWEAVE = Peer(
    "focusweave",
    "focusweave",
    "{folder} --no-align --keep-size --output {out}",
    "pip install focusweave (in an environment of its own, then --peers ENVIRONMENT/bin)",
)

ENFUSE = Peer(
    "enfuse",
    "enfuse",
    "--exposure-weight=0 --saturation-weight=0 --contrast-weight=1 --hard-mask -o {out} {files}",
    "apt-get install enfuse",
)

STACKMFF_V3 = openfocus("StackMFF V3", "stackmffv3")

GUIDED_FILTER = openfocus("guided filter", "guided_filter")


def ours(*options: str, name: str = "umis-fusion") -> Contender:
    """Return this package's command line with options."""
    beside = Path(sys.executable).with_name("umis-fusion")
    program = str(beside) if beside.exists() else "umis-fusion"
    return Contender(name, (program, "fuse", "{folder}", "-o", "{out}", *options))


def find_peers(folders: Sequence[Path], peers: Sequence[Peer]) -> tuple[list[Contender], list[str]]:
    """Look for the peers in folders and on PATH.

    Returns
    -------
    found : list of Contender
        Those that are installed.
    absent : list of str
        A line for each program that is not: how to get it.
    """
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    locate = partial(shutil.which, path=path)
    found, absent = [], []
    for peer in peers:
        program = locate(peer.program)
        if program is None:
            absent.append(f"{peer.program} is not here: {peer.install}")
        else:
            found.append(Contender(peer.name, (*_start(peer, program), *peer.arguments.split())))
    return found, list(dict.fromkeys(absent))


def add_peer_options(parser: argparse.ArgumentParser) -> None:
    """Add --peers and --contender."""
    parser.add_argument(
        "--peers",
        type=Path,
        nargs="*",
        default=[],
        metavar="FOLDER",
        help="where to look for the programs of others before PATH",
    )
    parser.add_argument(
        "--contender",
        type=parse_contender,
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="one more program; the command has {out} and {folder} or {files}",
    )


def _start(peer: Peer, program: str) -> tuple[str, ...]:
    if peer.runner is None:
        return (program,)
    return str(Path(program).with_name("python")), str(Path(__file__).with_name(peer.runner))


def parse_contender(text: str) -> Contender:
    """Read ``NAME=COMMAND`` with ``{folder}`` or ``{files}``, and ``{out}``."""
    name, _, command = text.partition("=")
    words = tuple(shlex.split(command))
    if not name or not {"{folder}", "{files}"} & set(words) or "{out}" not in command:
        raise ValueError(
            f"{text!r}; accepted is NAME=COMMAND with {{out}} and with {{folder}} or {{files}}"
        )
    return Contender(name, words)
