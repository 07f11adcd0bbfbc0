"""How well planes that moved are aligned and fused, by ours and by the programs of others.

See ``README.md`` for what the tables mean. Everything printed is Markdown.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from coherence import DEFAULT_STACKS
from harness import alignment_estimators, alignment_real, alignment_scores, alignment_seeds
from harness.alignment_cost import cost
from harness.alignment_fusing import TRUE, Aligner, our_aligner, peer_aligner
from harness.alignment_peers import find_aligning
from harness.alignment_scenes import MOTIONS, Case, load
from harness.alignment_tables import (
    print_costs,
    print_estimators,
    print_real,
    print_rendered,
    print_spreads,
)

TABLES = ("estimators", "seeds", "rendered", "cost", "real")
WAYS = ("none", "auto", "translation", "similarity")
SCENES = ("bumps", "discs", "bars")


def cases_of(options: argparse.Namespace) -> list[Case]:
    """List the rendered stacks: every scene by every motion, and one noisy and one aliased."""
    if options.quick:
        found = [Case("bumps", motion, (96, 128), planes=3) for motion in ("none", "drift")]
    else:
        found = [Case(scene, motion) for motion, scene in product(MOTIONS, SCENES)]
        noisy = ("none", "breathing 4 %", "all")
        found += [Case("discs", motion, seed=2, noisy=True) for motion in noisy]
        found += [Case("discs", motion, lens_px=0) for motion in ("none", "drift")]
    return [case for case in found if any(part in case.name for part in options.only)]


def aligners_of(options: argparse.Namespace) -> list[Aligner]:
    """List who takes part, saying who is absent."""
    peers, absent = find_aligning(options.peers)
    for line in absent:
        print(f"- {line}")
    ours = [our_aligner(options.ours, way) for way in options.align]
    found = [*ours, *map(peer_aligner, peers)]
    return [one for one in found if one.name not in options.without]


def estimators(options: argparse.Namespace) -> None:
    """Compare ways to find how two planes lie, among the libraries that are installed."""
    names, lacking = alignment_estimators.available()
    for package in lacking:
        print(f"- {package} is not installed here")
    print_estimators(alignment_estimators.compare(names, quick=options.quick))


def rendered(options: argparse.Namespace, aligners: Sequence[Aligner], cache: Path) -> None:
    """Compare on rendered stacks."""
    rows = []
    for case in cases_of(options):
        print(case.name, file=sys.stderr)
        rows.append(alignment_scores.score(case, aligners, cache, options.ours))
    ours = [TRUE, *(one.name for one in aligners if one.role == "ours")]
    print_rendered(rows, ours, [TRUE, *(one.name for one in aligners)])


def costs(options: argparse.Namespace, cache: Path) -> None:
    """Time ours on a rendered stack of RGB and on a real one of many pixels."""
    ways = [way for way in options.align if way != "none"]
    stacks = {case.name: load(case, cache).made.stack for case in cases_of(options)[-1:]}
    large = options.stacks / "pcb_petteri"
    if large.is_dir():
        stacks["pcb_petteri"] = alignment_real.read(large, longest_px(options)).stack
    repeats = 1 if options.quick else 3
    found = [
        cost(f"{name}, {' x '.join(map(str, stack.shape))}", stack, options.ours, ways, repeats)
        for name, stack in stacks.items()
    ]
    print_costs(found, ways)


def real(options: argparse.Namespace, aligners: Sequence[Aligner], cache: Path) -> None:
    """Compare on real stacks, and draw."""
    rows = []
    for name in alignment_real.STACKS:
        folder = options.stacks / name
        if not folder.is_dir() or not any(part in name for part in options.only):
            continue
        print(name, file=sys.stderr)
        example = alignment_real.read(folder, longest_px(options))
        rows.append(alignment_real.score(name, example, aligners, cache))
    if not rows:
        print(f"- no real stacks in {options.stacks} (--stacks FOLDER)")
        return
    print_real(rows, [one.name for one in aligners])
    print(f"\nImages and contact sheets lie in {cache / 'pictures'}.")


def longest_px(options: argparse.Namespace) -> int | None:
    """Return how long the longer side of real stacks may be."""
    return 320 if options.quick else options.longest


def main() -> int:
    """Run what the command line asks for."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = (options.cache or Path(temporary)).resolve()
        if "estimators" in options.tables:
            estimators(options)
        if "seeds" in options.tables:
            print_spreads(alignment_seeds.spreads(quick=options.quick))
        compared = {"rendered", "real"} & set(options.tables)
        aligners = aligners_of(options) if compared else []
        if "rendered" in options.tables:
            rendered(options, aligners, cache)
        if "cost" in options.tables:
            costs(options, cache)
        if "real" in options.tables:
            real(options, aligners, cache)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add(
        "--peers",
        type=Path,
        nargs="*",
        default=[],
        metavar="FOLDER",
        help="where to look for the programs of others before PATH",
    )
    add("--cache", type=Path, help="folder that keeps stacks, results and pictures (1 GB)")
    add("--tables", nargs="+", choices=TABLES, default=TABLES, help="what to measure")
    add("--stacks", type=Path, default=DEFAULT_STACKS, help="folder of real stacks")
    add("--ours", default="learned", metavar="MEASURE[:OPTION=VALUE,...]", help="how ours fuses")
    add("--align", nargs="+", default=WAYS, metavar="WAY", help="how ours aligns")
    add("--without", nargs="+", default=[], metavar="NAME", help="who is to be left out")
    add("--only", nargs="+", default=[""], metavar="NAME", help="stacks whose name has one of")
    add("--longest", type=int, metavar="PX", help="shrink real stacks to this longer side")
    add("--quick", action="store_true", help="tiny stacks: whether it works")
    return parser


if __name__ == "__main__":
    sys.exit(main())
