"""A plate on 1 to 256 workers: measured costs of a stack, and a simulation of the storage.

    python benchmarks/plate.py --json costs.json --picture docs/pictures/plate-scaling.png

Prints Markdown. What a stack costs one thread is measured once, by a process for each focus
measure, and kept in the file of ``--json``; the rest is simulated. The rates of storages are
typical ones: those of your own belong into `STORAGES`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from harness.stack_costs import StackCosts
from harness.storage_model import Simulated, Storage, simulate
from harness.tables import heading, table

STACKS, CHANNELS, PLANES, SIDE_PX = 384 * 9, 4, 30, 2048
MEASURES = ("laplacian", "learned")
WORKERS = (1, 8, 64, 256)
SEEDS = range(3)
FEW = 24
"""Stacks for each worker are enough to simulate; of more, time is proportional."""

STORAGES = (
    Storage("one disk on a network, 1 Gbit/s", 110, 110, 300, 0.005),
    Storage("file server, 10 Gbit/s", 1100, 1100, 5000, 0.001),
    Storage("parallel file system", 20_000, 1100, 50_000, 0.0005),
)
"""Bandwidth of all and of one worker in 10^6 bytes/s, files a second, latency in s."""


def measure_costs(measure: str, chunk_px: int, side_px: int) -> StackCosts:
    """Measure in a process of its own what a stack costs."""
    case = {"measure": measure, "chunk_px": chunk_px, "side_px": side_px, "channels": CHANNELS}
    command = [sys.executable, "-m", "harness.stack_costs", json.dumps(case)]
    folder = Path(__file__).parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return StackCosts(**json.loads(done.stdout.splitlines()[-1]))


def load_costs(path: Path | None, chunk_px: int, side_px: int) -> dict[str, StackCosts]:
    """Return the costs for each measure, from a file if there is one."""
    if path is not None and path.is_file():
        told = json.loads(path.read_text())
        return {measure: StackCosts(**one) for measure, one in told.items()}
    costs = {measure: measure_costs(measure, chunk_px, side_px) for measure in MEASURES}
    if path is not None:
        path.write_text(json.dumps({name: vars(one) for name, one in costs.items()}, indent=1))
    return costs


def simulate_plate(costs: StackCosts, storage: Storage, workers: int) -> list[Simulated]:
    """Simulate a plate with each seed."""
    stacks = min(STACKS, FEW * workers)
    runs = [
        simulate(costs, storage, workers, stacks=stacks, planes=PLANES, seed=seed) for seed in SEEDS
    ]
    share = STACKS / stacks
    return [
        Simulated(one.seconds * share, one.computing, one.transferring, one.opening) for one in runs
    ]


def print_costs(costs: dict[str, StackCosts]) -> None:
    heads = (
        "measure",
        "s a plane",
        "s besides",
        "MB a plane",
        "files",
        "MB written",
        "files besides",
    )
    rows = []
    for measure, one in costs.items():
        numbers = (one.plane_s, one.end_s, one.plane_mb, one.plane_files, one.end_mb, one.end_files)
        rows.append((measure, *(f"{number:.3g}" for number in numbers)))
    print(heading(f"A stack of {CHANNELS} channels on one thread"))
    print(table(heads, rows))


def print_plates(found: dict[tuple[str, str, int], list[Simulated]]) -> None:
    """Print hours, and what limits them."""
    for measure in MEASURES:
        rows = []
        for storage in STORAGES:
            cells = [_cell(found[measure, storage.name, count]) for count in WORKERS]
            rows.append((storage.name, *cells))
        print(heading(f"{STACKS} stacks with `{measure}`: hours, and what is busiest"))
        print(table(("storage", *(f"{count} workers" for count in WORKERS)), rows))


def _cell(runs: list[Simulated]) -> str:
    """Return the range of hours over the seeds, and the limit of the middle one."""
    runs = sorted(runs, key=lambda one: one.seconds)
    low, high = (f"{one.seconds / 3600:.2g}" for one in (runs[0], runs[-1]))
    hours = low if low == high else f"{low} to {high}"
    return f"{hours} ({runs[len(runs) // 2].limit})"


def draw(costs: dict[str, StackCosts], path: Path) -> None:
    """Draw how many times as fast more workers are."""
    from matplotlib.figure import Figure

    counts = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (measure, one) in zip(figure.subplots(1, 2, sharey=True), costs.items(), strict=True):
        axes.plot(counts, counts, color="0.7", linestyle="--", label="as many times as workers")
        for storage in STORAGES:
            seconds = [simulate_plate(one, storage, count)[0].seconds for count in counts]
            axes.plot(counts, [seconds[0] / took for took in seconds], "o-", label=storage.name)
        axes.set(xscale="log", yscale="log", xlabel="workers", title=measure)
        axes.set_xticks(counts[::2], [str(count) for count in counts[::2]])
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("times as fast as one worker")
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> int:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="File that keeps the measured costs.")
    parser.add_argument("--picture", type=Path, help="File for the picture of the speed.")
    parser.add_argument("--chunk-px", type=int, default=512, help="Side of the input's chunks.")
    parser.add_argument(
        "--side-px", type=int, default=SIDE_PX, help="Side of the planes (default: %(default)s)."
    )
    arguments = parser.parse_args()
    costs = load_costs(arguments.json, arguments.chunk_px, arguments.side_px)
    print_costs(costs)
    print_plates(
        {
            (measure, storage.name, count): simulate_plate(one, storage, count)
            for measure, one in costs.items()
            for storage in STORAGES
            for count in WORKERS
        }
    )
    if arguments.picture:
        draw(costs, arguments.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
