"""How near to the truth fused images come, ours beside those of others.

See ``README.md`` for what the tables mean. Everything printed is Markdown.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from coherence import DEFAULT_STACKS
from harness import renders
from harness.contenders import add_peer_options, find_peers
from harness.methods import CEILING, LAP, Method, our_method, parse_config, peer_method
from harness.quality_peers import QUALITY_PEERS
from harness.quality_tables import print_real, print_rendered
from harness.scores import RowScores, score
from harness.truths import Source
from napari_umis_fusion.errors import ConfigError
from quality_suite import SUITES

BASE = "laplacian:blend=select"
OURS = ("learned:blend=weighted", "learned:blend=select", BASE)


def methods_of(options: argparse.Namespace) -> list[Method]:
    """List who takes part; `BASE` always does, as leads are counted from it."""
    named = dict.fromkeys((BASE, *options.ours))
    contenders, absent = find_peers(options.peers, QUALITY_PEERS)
    for line in absent:
        print(f"- {line}")
    peers = [peer_method(c) for c in (*contenders, *options.contender)]
    ours = [our_method(text, options.usage) for text in named]
    yardsticks = [LAP] if options.real else [CEILING, LAP]
    return [m for m in (*yardsticks, *ours, *peers) if m.name not in options.without]


def sources_of(options: argparse.Namespace, cache: Path) -> list[Source]:
    """List the stacks that are asked for."""
    if options.real:
        found = renders.real(options.stacks, options.native)
        if not found:
            print(f"- no real stacks in {options.stacks} (--stacks FOLDER)")
    else:
        found = renders.suite(options.suite, options.side, cache)
    return [s for s in found if any(part in s.name for part in options.only)]


def score_all(sources: list[Source], methods: list[Method], cache: Path) -> list[RowScores]:
    """Score row by row, telling on stderr how far it is."""
    rows = []
    for number, source in enumerate(sources, start=1):
        print(f"{number}/{len(sources)} {source.name}", file=sys.stderr)
        rows.append(score(source, methods, cache))
    return rows


def main() -> int:
    """Run what the command line asks for."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = (options.cache or Path(temporary)).resolve()
        methods = methods_of(options)
        rows = score_all(sources_of(options, cache), methods, cache)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if rows and options.real:
        print_real(rows, methods)
    elif rows:
        print_rendered(rows, methods, BASE)
    return 0


def _configuration(text: str) -> str:
    """Return the text if it describes a `FusionConfig`."""
    try:
        parse_config(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--suite", choices=SUITES, default="first", help="rendered stacks: first to tune on")
    add(
        "--ours",
        nargs="+",
        type=_configuration,
        default=OURS,
        metavar="MEASURE[:OPTION=VALUE,...]",
        help="our configurations: a focus measure and fields of FusionConfig",
    )
    add_peer_options(parser)
    add("--without", nargs="+", default=[], metavar="NAME", help="methods to leave out")
    add("--only", nargs="+", default=[""], metavar="NAME", help="stacks whose name has one of")
    add("--side", type=int, default=512, help="width of the rendered stacks, in px")
    add("--cache", type=Path, help="folder that keeps stacks and results (2 GB)")
    add("--usage", action="store_true", help="also run our command line, for time and memory")
    add("--json", type=Path, metavar="FILE", help="also write all scores")
    add("--real", action="store_true", help="real stacks instead of a rendered suite")
    add("--stacks", type=Path, default=DEFAULT_STACKS, help="folder of real stacks")
    add("--native", action="store_true", help="real stacks whole instead of 640 x 800 px")
    return parser


if __name__ == "__main__":
    sys.exit(main())
