"""Memory that a fusion says it needs, and that it takes, as planes grow.

Every case is a process of its own. Planes are made when they are read, so that the stack itself
takes no memory. Prints Markdown.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness.tables import heading, table

CHOICES: dict[str, dict[str, Any]] = {
    "learned": {},
    "learned, select": {"blend": "select"},
    "learned, mode": {"verification": "mode"},
    "laplacian": {"focus_measure": "laplacian"},
    "laplacian, select, none": {
        "focus_measure": "laplacian",
        "blend": "select",
        "verification": "none",
    },
}
"""Measures, blends and verifications that take different memory."""

SIDES_PX = (1024, 2048, 4096)
LARGE_PX = 10_000


def measure(side_px: int, planes: int, kind: str, config: dict[str, Any]) -> dict[str, float]:
    """Fuse planes in a new process, and return what it said and took."""
    case = {"side_px": side_px, "planes": planes, "kind": kind, "config": config}
    command = [sys.executable, str(Path(__file__).parent / "harness/memory_case.py")]
    done = subprocess.run([*command, json.dumps(case)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def print_table(title: str, cases: list[tuple[str, int, int, str, dict[str, Any]]]) -> None:
    heads = ("fusion", "stack", "said MB", "took MB", "said / took", "bytes a pixel", "blocks", "s")
    rows = []
    for name, side_px, planes, kind, config in cases:
        found = measure(side_px, planes, kind, config)
        said, took = found["said_mb"], found["took_mb"]
        numbers = (f"{said:.0f}", f"{took:.0f}", f"{said / took:.2f}")
        each = f"{took * 2**20 / side_px**2:.0f}"
        stack = f"{planes} x {side_px} x {side_px} {kind}"
        rows.append((name, stack, *numbers, each, f"{found['blocks']}", f"{found['seconds']:.1f}"))
    print(heading(title))
    print(table(heads, rows), flush=True)


def main() -> int:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny planes: does it work?")
    parser.add_argument("--planes", type=int, default=7, help="planes of each stack")
    parser.add_argument(
        "--large", action="store_true", help="also 30 planes of 100 megapixels; takes an hour"
    )
    parser.add_argument("--fusions", nargs="+", default=CHOICES, help="those of the first table")
    parser.add_argument(
        "--stacks", nargs="+", metavar="PLANESxPX", help="only these, such as 10000x256"
    )
    options = parser.parse_args()
    sides, planes = ((96,), 5) if options.quick else (SIDES_PX, options.planes)
    chosen = {name: CHOICES[name] for name in options.fusions}
    if options.stacks:
        stacks = [tuple(map(int, one.split("x"))) for one in options.stacks]
        print_table(
            "By planes and area",
            [(n, side, z, "uint16", c) for n, c in chosen.items() for z, side in stacks],
        )
        return 0
    print_table(
        "By area",
        [(n, side, planes, "uint16", c) for n, c in chosen.items() for side in sides],
    )
    side = sides[len(sides) // 2]
    kinds = ("uint8 RGB",) if options.quick else ("uint8", "uint8 RGB", "float32")
    print_table("By kind of pixel", [("learned", side, planes, kind, {}) for kind in kinds])
    bounds = (1000, 2000) if not options.quick else (400,)
    print_table(
        "By memory_mb",
        [(f"memory_mb {mb}", sides[-1], planes, "uint16", {"memory_mb": mb}) for mb in bounds],
    )
    if options.large:
        print_table("Large planes", [("learned", LARGE_PX, 30, "uint16", {})])
    return 0


if __name__ == "__main__":
    sys.exit(main())
