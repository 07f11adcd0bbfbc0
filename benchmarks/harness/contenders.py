"""Who is timed: this package's command line, and the programs that are found."""

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
        command: list[str] = []
        for word in self.template:
            if word == "{files}":
                command += map(str, sorted(folder.iterdir()))
            else:
                command.append(word.replace("{folder}", str(folder)).replace("{out}", str(out)))
        return run(command, env)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program of others: how it is run with alignment off, and where it comes from."""

    program: str
    arguments: str
    install: str


PEERS = (
    Peer(
        "focusweave",
        "{folder} --no-align --keep-size --output {out}",
        "pip install focusweave (in an environment of its own, then --peers ENVIRONMENT/bin)",
    ),
    Peer(
        "enfuse",
        "--exposure-weight=0 --saturation-weight=0 --contrast-weight=1 --hard-mask "
        "-o {out} {files}",
        "apt-get install enfuse",
    ),
)


def ours(*options: str, name: str = "umis-fusion") -> Contender:
    """Return this package's command line with options."""
    beside = Path(sys.executable).with_name("umis-fusion")
    program = str(beside) if beside.exists() else "umis-fusion"
    return Contender(name, (program, "fuse", "{folder}", "-o", "{out}", *options))


def find_peers(folders: Sequence[Path]) -> tuple[list[Contender], list[str]]:
    """Look for the peers in folders and on PATH.

    Returns
    -------
    found : list of Contender
        Those that are installed.
    absent : list of str
        A line for each that is not: how to get it.
    """
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    locate = partial(shutil.which, path=path)
    found, absent = [], []
    for peer in PEERS:
        program = locate(peer.program)
        if program is None:
            absent.append(f"{peer.program} is not here: {peer.install}")
        else:
            found.append(Contender(peer.program, (program, *peer.arguments.split())))
    return found, absent


def parse_contender(text: str) -> Contender:
    """Read ``NAME=COMMAND`` with ``{folder}`` or ``{files}``, and ``{out}``."""
    name, _, command = text.partition("=")
    words = tuple(shlex.split(command))
    if not name or not {"{folder}", "{files}"} & set(words) or "{out}" not in command:
        raise ValueError(
            f"{text!r}; accepted is NAME=COMMAND with {{out}} and with {{folder}} or {{files}}"
        )
    return Contender(name, words)
