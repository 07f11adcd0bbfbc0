"""What blocks, workers and large inputs of OME-Zarr cost.

Stacks are rendered noise with detail in one plane for each row, written to a temporary folder;
large ones repeat a few files under many names, so that they take little space. Prints Markdown.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import zarr

from harness.tables import heading, table
from harness.zarr_input import write_input
from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.scale import fuse_zarr

MEASURES = ("laplacian", "learned")
WORKERS = (1, 2)


def print_overhead(
    folder: Path, planes: int, side_px: int, repeats: int, measures: Sequence[str]
) -> None:
    """Compare the processor time of a plain fusion with that of writing OME-Zarr in blocks."""
    source = write_input(folder, planes, side_px)
    rows = []  # of both, reading is a part
    for measure in measures:
        config = FusionConfig(focus_measure=measure)
        fuse(_read(source)[:, :64, :64], config)
        pairs = []
        for number in range(repeats):
            plain = _processor_s(partial(_read_and_fuse, source, config))
            output = folder / f"{measure}-{number}"
            pairs.append((plain, _processor_s(partial(fuse_zarr, source, output, config))))
        more = sorted(100 * (ours / theirs - 1) for theirs, ours in pairs)
        theirs, ours = (f"{median(side):.1f}" for side in zip(*pairs, strict=True))
        rows.append((measure, theirs, ours, f"{median(more):+.0f} %", f"{more[-1]:+.0f} %"))
    print(heading(f"Overhead: {planes} x {side_px} x {side_px}, uint16, {repeats} pairs"))
    heads = ("measure", "plain, processor s", "OME-Zarr, processor s", "more", "most of all pairs")
    print(table(heads, rows), flush=True)


def _read(source: Path) -> Any:
    return zarr.open_array(str(source / "0"), mode="r")[0, 0]


def _read_and_fuse(source: Path, config: FusionConfig) -> None:
    fuse(_read(source), config)


def _processor_s(job: Any) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def print_workers(folder: Path, times: int, planes: int, side_px: int, repeats: int) -> None:
    """Compare workers of dask, each with one thread, in pairs of runs.

    Processor time tells how much faster more workers are where nothing else runs on the machine;
    what others take in the meantime is told, too.
    """
    from distributed import Client, LocalCluster

    source = write_input(folder, planes, side_px, times)
    found: dict[int, list[dict[str, float]]] = {count: [] for count in WORKERS}
    with ExitStack() as open_clusters:
        clients = {}
        for count in WORKERS:
            options = {"threads_per_worker": 1, "dashboard_address": ":0"}
            cluster = open_clusters.enter_context(LocalCluster(n_workers=count, **options))
            clients[count] = open_clusters.enter_context(Client(cluster))
            # Kernels are loaded by each worker before time is taken.
            warm = write_input(folder, planes, 64 + count, 4 * count)
            _run_workers(clients[count], warm, folder / f"warm-{count}")
        for number in range(repeats):
            for count in WORKERS:
                told = _run_workers(clients[count], source, folder / f"out-{count}-{number}")
                found[count].append(told)
    print(heading(f"Workers: {times} stacks of {planes} x {side_px} x {side_px}, laplacian"))
    print(_workers_table(found, times), flush=True)


def _run_workers(client: Any, source: Path, output: Path) -> dict[str, float]:
    """Fuse on the workers of a client; return what it took."""
    before, machine, own = (
        sum(client.run(time.process_time).values()),
        _busy_s(),
        time.process_time(),
    )
    start = time.perf_counter()
    fuse_zarr(source, output, scheduler=client, focus_measure="laplacian")
    seconds = time.perf_counter() - start
    machine, own = _busy_s() - machine, time.process_time() - own
    workers = sum(client.run(time.process_time).values()) - before
    others = max(machine - workers - own, 0.0) / seconds
    return {"seconds": seconds, "workers_s": workers, "own_s": own, "others": others}


def _busy_s() -> float:
    """Return the time that all processors of the machine have worked."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _workers_table(found: dict[int, list[dict[str, float]]], stacks: int) -> str:
    """Return medians, and how many times as fast: by the clock, and by processor time."""
    first, rows = found[WORKERS[0]], []
    for count, runs in found.items():
        pairs = list(zip(first, runs, strict=True))
        faster = [one["seconds"] / run["seconds"] for one, run in pairs]
        cheaper = [count * one["workers_s"] / run["workers_s"] for one, run in pairs]
        middle = {name: median(run[name] for run in runs) for name in runs[0]}
        busy = median(run["workers_s"] / (count * run["seconds"]) for run in runs)
        numbers = (middle["seconds"], middle["workers_s"] / stacks, middle["own_s"])
        shown = (f"{number:.1f}" for number in numbers)
        rest = (f"{100 * busy:.0f} %", f"{middle['others']:.1f}")
        by = (f"{median(faster):.2f}", f"{median(cheaper):.2f}")
        rows.append((f"{count}", *shown, *rest, *by))
    heads = (
        *("workers", "s", "processor s a stack", "processor s of the client", "workers busy"),
        *("processors of others", "times as fast", "by processor time"),
    )
    return table(heads, rows)


def print_memory(folder: Path, cases: list[tuple[int, int]], **options: Any) -> None:
    """Tell the highest memory of processes that fuse large inputs."""
    rows = []
    for planes, side_px in cases:
        source, output = write_input(folder, planes, side_px), folder / f"out-{planes}-{side_px}"
        (temporary := folder / "temporary").mkdir(exist_ok=True)
        command = [sys.executable, str(Path(__file__).parent / "harness/zarr_memory.py")]
        done = subprocess.run(
            [*command, str(source), str(output), json.dumps(options)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        told = json.loads(done.stdout.splitlines()[-1])
        names = ("took_mb", "temporary_mb", "seconds", "processor_s")
        size_gb = planes * side_px**2 * 2 / 2**30
        numbers = (f"{told[name]:.0f}" for name in names)
        rows.append((f"{planes} x {side_px} x {side_px}", f"{size_gb:.1f}", *numbers))
    print(heading(f"Highest memory of the process, {options}"))
    heads = ("stack", "GB", "MB", "MB of temporary files", "s", "processor s")
    print(table(heads, rows), flush=True)


def main() -> int:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="overhead, workers, memory (default: all)")
    parser.add_argument("--small", action="store_true", help="Smaller inputs, for a busy machine.")
    parser.add_argument(
        "--measures", nargs="+", default=MEASURES, help="Of the overhead (default: both)."
    )
    parser.add_argument("--repeats", type=int, default=5, help="Pairs (default: %(default)s).")
    parser.add_argument(
        "--stacks", nargs="+", metavar="PLANESxPX", help="Stacks of memory, such as 30x20000."
    )
    arguments = parser.parse_args()
    small, repeats = arguments.small, arguments.repeats
    named = [tuple(map(int, one.split("x"))) for one in arguments.stacks or ()]
    cases = named or ([(4, 8192)] if small else [(30, 20_000), (10_000, 2048)])
    sizes = (20, 1024 if small else 2048, repeats, arguments.measures)
    stacks = (*((6, 6, 768) if small else (8, 10, 2048)), repeats)
    jobs = {
        "overhead": lambda at: print_overhead(at, *sizes),
        "workers": lambda at: print_workers(at, *stacks),
        "memory": lambda at: print_memory(at, cases, focus_measure="laplacian", memory_mb=1500),
    }
    for name in arguments.parts or jobs:
        with tempfile.TemporaryDirectory() as folder:
            jobs[name](Path(folder))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
