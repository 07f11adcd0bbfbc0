"""The programs of others that align: how each is run with alignment on, and with it off."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.contenders import ENFUSE, ENVIRONMENT, FOCUSWEAVE, Contender, Peer, find_peers


@dataclass(frozen=True, slots=True)
class AligningPeer:
    """A program with its alignment on, and with it off; some cannot do without."""

    moving: Contender
    still: Contender


def _openfocus(align: str) -> Peer:
    # Exposure matching stays on, as it is by default: lamps flicker here.
    arguments = f"-i {{folder}} -o {{out}} --cpu -m stackmffv3 -a {align}"
    return Peer(f"StackMFF V3, {align}", "openfocus", arguments, ENVIRONMENT)


def _focusweave(*options: str) -> Peer:
    name = " ".join(("focusweave", *options))
    return replace(
        FOCUSWEAVE, name=name, arguments=" ".join(("{folder} --crop --output {out}", *options))
    )


FOCUS_STACK = Peer(
    "focus-stack",
    "focus-stack",
    "--output={out} {files}",
    "build github.com/PetteriAimonen/focus-stack, then --peers FOLDER",
)

HUGIN = Peer(
    "hugin + enfuse", "align_image_stack", "{folder} {out}", "apt-get install hugin-tools enfuse"
)

ALIGNING: tuple[tuple[Peer, Peer], ...] = (
    *((_openfocus(way), _openfocus("none")) for way in ("openfocus", "ecc", "both")),
    (_focusweave(), FOCUSWEAVE),
    (_focusweave("--min-shift", "0"), FOCUSWEAVE),
    (FOCUS_STACK, FOCUS_STACK),
    (HUGIN, ENFUSE),
)


def find_aligning(folders: Sequence[Path]) -> tuple[list[AligningPeer], list[str]]:
    """Look for the peers in folders and on PATH; lines say how to get those that are absent."""
    found, absent = [], []
    for pair in ALIGNING:
        contenders, missing = find_peers(folders, pair)
        absent += missing
        if len(contenders) == len(pair):
            found.append(AligningPeer(*map(_scripted, contenders)))
    return found, list(dict.fromkeys(absent))


def _scripted(contender: Contender) -> Contender:
    if contender.name != HUGIN.name:
        return contender
    script = (sys.executable, "-m", "harness.alignment_hugin")
    return replace(contender, template=(*script, *contender.template))
