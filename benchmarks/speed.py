"""Time and peak memory of fuse, beside the classical programs that are found.

See ``README.md`` for what the columns mean. Everything printed is Markdown.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, get_args

from harness.cases import StackCase, ask
from harness.contenders import (
    ENFUSE,
    FOCUSWEAVE,
    GUIDED_FILTER,
    STACKMFF_V3,
    Contender,
    add_peer_options,
    find_peers,
    ours,
)
from harness.plan import Plan
from harness.processes import ProgramError, Usage, interleaved, run
from harness.tables import heading, table
from napari_umis_fusion.config import FocusMeasureName

MEASURES = tuple(name for name in get_args(FocusMeasureName) if name != "umis")
PEERS = (FOCUSWEAVE, ENFUSE, GUIDED_FILTER, STACKMFF_V3)

PEER_CALLS = {FOCUSWEAVE.name: "focusweave_calls", STACKMFF_V3.name: "openfocus_calls"}
"""Scripts of `harness` that time a peer in memory."""

OURS: dict[str, dict[str, str]] = {
    "umis-fusion": {},
    "umis-fusion, select": {"blend": "select"},
    "umis-fusion, laplacian": {"focus_measure": "laplacian", "blend": "select"},
    "umis-fusion, laplacian, none": {
        "focus_measure": "laplacian",
        "blend": "select",
        "verification": "none",
    },
}
"""Configs that are compared with others; first the default."""

QUICK = "umis-fusion", "umis-fusion, laplacian, none"
"""Those of a quick run: the default, and that which differs most from it."""

LAPLACIAN = OURS["umis-fusion, laplacian"]

DTYPES = ("bool", "uint8", "uint16", "uint32", "float16", "float32", "float64")


def against_peers(plan: Plan) -> None:
    """Print time and memory of everybody: whole processes, and calls of Python packages."""
    configs = {name: OURS[name] for name in (QUICK if plan.quick else OURS)}
    sizes = (10, 512, "uint8", True), (20, 2048)
    for size in sizes[:1] if plan.quick else sizes:
        case = plan.case(*size)
        contenders = [ours(*_flags(config), name=name) for name, config in configs.items()]
        peers = _able(plan, case)
        contenders += peers
        programs = {c: plan.program(c, case) for c in contenders}
        usages = interleaved(programs, plan.repeats, warm_up=not plan.quick)
        base = usages[contenders[0]]
        print(heading(f"{case.title}: whole process, from files to file"))
        heads = (
            *("program", "s", "time / ours", "CPU s", "peak MB", "memory / ours"),
            *("dtype out", "PSNR dB"),
        )
        print(table(heads, [_peer_row(plan, case, c, usages[c], base) for c in contenders]))
        _print_calls(plan, case, configs, peers)


def _able(plan: Plan, case: StackCase) -> list[Contender]:
    """List the peers that can fuse a stack, and print why others cannot."""
    able = []
    for peer in plan.peers:
        try:
            plan.program(peer, case)()
        except ProgramError as error:
            print(f"- {peer.name} cannot fuse {case.title}: {str(error).strip().splitlines()[-1]}")
        else:
            able.append(peer)
    return able


def _flags(config: dict[str, str]) -> list[str]:
    options = ((f"--{name.replace('_', '-')}", value) for name, value in config.items())
    return list(chain.from_iterable(options))


def _print_calls(
    plan: Plan, case: StackCase, configs: dict[str, dict[str, str]], peers: list[Contender]
) -> None:
    """Print the time of a call in memory, also of the peers that are Python packages."""
    folder = str(case.planes_folder(plan.cache))
    requests: dict[str, dict[str, Any]] = {
        name: {"folder": folder, "config": config} for name, config in configs.items()
    }
    for peer in peers:
        python = Path(peer.template[0]).with_name("python")
        if peer.name in PEER_CALLS and python.exists():
            requests[peer.name] = {
                "module": PEER_CALLS[peer.name],
                "python": str(python),
                "folder": folder,
            }
    rows = [(name, str(taken)) for name, taken in plan.time_calls(requests).items()]
    print(heading(f"{case.title}: the call alone, in memory and warm"))
    print(table(("program", "call alone, s (CPU s)"), rows))


def _peer_row(
    plan: Plan, case: StackCase, contender: Contender, usage: Usage, base: Usage
) -> tuple[str, ...]:
    checked = ask(
        "check", output=str(plan.output(contender)), truth=str(case.truth_file(plan.cache))
    )
    return (
        contender.name,
        f"{usage.seconds:.2f}",
        f"{usage.seconds / base.seconds:.2f}",
        f"{usage.cpu_seconds:.2f}",
        f"{usage.peak_mb:.0f}",
        f"{usage.peak_mb / base.peak_mb:.2f}",
        checked["dtype"],
        f"{checked['psnr']:.1f}",
    )


def by_measure(plan: Plan) -> None:
    """Print what each focus measure costs."""
    case = plan.case(10, 512, "uint8", True)
    folder = str(case.planes_folder(plan.cache))
    contenders = {name: ours("--focus-measure", name) for name in MEASURES}
    usages = interleaved({n: plan.program(c, case) for n, c in contenders.items()}, plan.repeats)
    calls = plan.time_calls(
        {name: {"folder": folder, "config": {"focus_measure": name}} for name in MEASURES}
    )
    print(heading(f"By focus measure, {case.title}"))
    rows = [
        (name, f"{usages[name].seconds:.2f}", f"{usages[name].peak_mb:.0f}", f"{calls[name]}")
        for name in MEASURES
    ]
    print(table(("focus measure", "whole process, s", "peak MB", "call alone, s (CPU s)"), rows))


def by_dtype(plan: Plan) -> None:
    """Print what each dtype costs, the content being the same."""
    case = plan.case(10, 512)
    folder = str(case.planes_folder(plan.cache))
    requests = {d: {"folder": folder, "dtype": d, "config": LAPLACIAN} for d in DTYPES}
    calls = plan.time_calls(requests)
    print(heading(f"By dtype, laplacian, {case.title.rsplit(' ', 1)[0]}"))
    rows = [(dtype, str(calls[dtype])) for dtype in DTYPES]
    print(table(("dtype", "call alone, s (CPU s)"), rows))


def by_size(plan: Plan) -> None:
    """Print what planes of growing size cost."""
    cases = [plan.case(10, side) for side in (512, 1024, 2048)]
    program = ours(*_flags(LAPLACIAN))
    usages = interleaved({c: plan.program(program, c) for c in cases}, plan.repeats)
    folders = {c.title: str(c.planes_folder(plan.cache)) for c in cases}
    calls = plan.time_calls(
        {title: {"folder": folder, "config": LAPLACIAN} for title, folder in folders.items()}
    )
    print(heading("By size, laplacian"))
    rows = [
        (
            c.title,
            f"{usages[c].seconds:.2f}",
            f"{usages[c].peak_mb:.0f}",
            str(calls[c.title]),
            f"{c.planes * c.side_px**2 / calls[c.title].seconds / 1e6:.0f}",
        )
        for c in cases
    ]
    heads = ("stack", "whole process, s", "peak MB", "call alone, s (CPU s)", "call, megapixels/s")
    print(table(heads, rows))


def by_planes(plan: Plan) -> None:
    """Print peak memory as planes are added; one run each, as memory hardly varies."""
    contenders = [
        ours(),
        ours(*_flags(LAPLACIAN), name="umis-fusion, laplacian"),
        *plan.peers,
    ]
    cases = [plan.case(planes, 1024) for planes in (10, 50, 200)]
    print(heading("By number of planes, 1024 x 1024 uint16: peak MB (s)"))
    rows = []
    for contender in contenders:
        usages = [plan.program(contender, case)() for case in cases]
        rows.append((contender.name, *(f"{u.peak_mb:.0f} ({u.seconds:.1f})" for u in usages)))
    print(table(("program", *(f"{case.planes} planes" for case in cases)), rows))


def first_run(plan: Plan) -> None:
    """Print how long the very first run takes, which compiles the kernels."""
    case = plan.case(10, 512, "uint8", True)
    folder, contender = case.planes_folder(plan.cache), ours(*_flags(LAPLACIAN))
    with tempfile.TemporaryDirectory() as empty:
        first, second = (
            contender.start(folder, plan.output(contender), env={"NUMBA_CACHE_DIR": empty})
            for _ in range(2)
        )
    print(heading(f"The first run after installation, laplacian, {case.title}"))
    rows = [("first", f"{first.seconds:.1f}"), ("second", f"{second.seconds:.1f}")]
    print(table(("run", "whole process, s"), rows))


def start_up(plan: Plan) -> None:
    """Print what Python and the libraries cost before anything is fused."""
    light = "from napari_umis_fusion.runtime import start_light_numba; start_light_numba();"
    statements = {
        "python": "pass",
        "import napari_umis_fusion": "import napari_umis_fusion",
        "import numpy": "import numpy",
        "what runs compiled kernels": light,
        "two small kernels, run": (
            f"{light} import numpy as np;"
            "from napari_umis_fusion.focus_measure import gaussian_taps, smooth;"
            "smooth(np.zeros((9, 9), np.float32), gaussian_taps(1.0))"
        ),
        "import numba": "import numba",
        "from napari_umis_fusion import fuse": "from napari_umis_fusion import fuse",
        "fuse one tiny stack": (
            "import numpy as np; from napari_umis_fusion import fuse;"
            "fuse(np.arange(3 * 64 * 64, dtype=np.uint8).reshape(3, 64, 64))"
        ),
    }
    commands = {name: [sys.executable, "-c", code] for name, code in statements.items()}
    usages = interleaved({n: partial(run, c) for n, c in commands.items()}, plan.repeats)
    print(heading("Before anything is fused"))
    rows = [
        (name, f"{u.seconds:.2f}", f"{u.cpu_seconds:.2f}", f"{u.peak_mb:.0f}")
        for name, u in usages.items()
    ]
    print(table(("process", "s", "CPU s", "peak MB"), rows))


def reference(plan: Plan) -> None:
    """Print the share of time that the reference method spends outside its network."""
    if plan.checkpoint is None:
        print("\nThe reference method was not timed: give --reference CHECKPOINT.")
        return
    case = plan.case(5, 512, "uint8", False)
    folder = str(case.planes_folder(plan.cache))
    rounds = ask("reference", folder=folder, checkpoint=plan.checkpoint, repeats=plan.repeats)
    alone, whole = (median(found[name] for found in rounds) for name in ("alone", "whole"))
    outside = median(1 - found["inside"] / found["whole"] for found in rounds)
    print(heading(f"The reference method on the CPU, {case.title}"))
    row = (f"{alone:.2f}", f"{whole:.2f}", f"{outside:.1%}")
    print(table(("network alone, s", "whole call, s", "of it outside the network"), [row]))


def network(plan: Plan) -> None:
    """Print how near one thread comes, in the network, to its rate of multiplying matrices."""
    side_px, planes = (128, 4) if plan.quick else (1024, 8)
    found = ask("network_rate", side_px=side_px, planes=planes, repeats=plan.repeats)
    reached, matrices = (median(rates) for rates in zip(*found, strict=True))
    share = median(one / other for one, other in found)
    print(heading(f"The network of learned, one thread, {planes} x {side_px} x {side_px}"))
    row = (f"{reached:.1f}", f"{matrices:.1f}", f"{share:.2f}")
    print(table(("network, GFLOPS", "matrices, GFLOPS", "share"), [row]))


TABLES: dict[str, Callable[[Plan], None]] = {
    "start": start_up,
    "first": first_run,
    "peers": against_peers,
    "measures": by_measure,
    "dtypes": by_dtype,
    "sizes": by_size,
    "planes": by_planes,
    "network": network,
    "reference": reference,
}


def main() -> int:
    """Run what the command line asks for."""
    options = _parser().parse_args()
    peers, absent = find_peers(options.peers, PEERS)
    for line in absent:
        print(f"- {line}")
    with tempfile.TemporaryDirectory() as temporary:
        cache = options.cache or Path(temporary)
        repeats = 1 if options.quick else options.repeats
        contenders = [*peers, *options.contender]
        plan = Plan(cache.resolve(), repeats, options.quick, options.reference, contenders)
        try:
            for name in options.tables:
                TABLES[name](plan)
        except ProgramError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--tables", nargs="+", choices=TABLES, default=list(TABLES), help="which to print")
    add("--repeats", type=int, default=5, help="counted rounds; medians are printed")
    add("--quick", action="store_true", help="tiny stacks, one round: does it work?")
    add("--cache", type=Path, help="folder that keeps the rendered stacks (0.6 GB)")
    add_peer_options(parser)
    add("--reference", metavar="CHECKPOINT", help="weights of the UMIS network")
    return parser


if __name__ == "__main__":
    sys.exit(main())
