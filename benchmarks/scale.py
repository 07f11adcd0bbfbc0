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
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from harness.tables import heading, table
from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.scale import ZarrProgress, fuse_zarr, iter_fuse_zarr

CHUNK_PX = 512
MEASURES = ("laplacian", "learned")

RUN = """
import json, resource, sys, time
from napari_umis_fusion.scale import fuse_zarr
start = time.perf_counter()
fuse_zarr(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
seconds = time.perf_counter() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
"""What is run in a process of its own, whose highest memory the system tells."""


def a_tile(planes: int, seed: int = 0) -> Any:
    """Return (Z, Y, X) of one chunk: each row is in focus in another plane."""
    rng = np.random.default_rng(seed)
    detail = rng.normal(size=(CHUNK_PX, CHUNK_PX))
    place = np.linspace(0, planes - 1, CHUNK_PX)[:, None]
    return [
        np.clip(
            2000 + 400 * (detail / (1 + abs(place - z)) + rng.normal(0, 0.05, detail.shape)),
            0,
            4095,
        ).astype(np.uint16)
        for z in range(planes)
    ]


def write_input(folder: Path, planes: int, side_px: int, times: int = 1) -> Path:
    """Write an image (T, Z, Y, X) whose chunks of one plane are one file with many names."""
    path = folder / f"in-{times}-{planes}-{side_px}"
    path.mkdir()
    axes = [{"name": "t", "type": "time"}]
    axes += [{"name": one, "type": "space", "unit": "micrometer"} for one in "zyx"]
    steps = [{"type": "scale", "scale": [1.0, 2.0, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    (path / "zarr.json").write_text(json.dumps(content))
    shape, chunks = (times, planes, side_px, side_px), (1, 1, CHUNK_PX, CHUNK_PX)
    array = zarr.create_array(str(path / "0"), shape=shape, chunks=chunks, dtype="uint16")
    across = -(-side_px // CHUNK_PX)
    tile = a_tile(min(planes, 50))
    for z in range(planes):
        side = min(CHUNK_PX, side_px)
        array[0, z, :side, :side] = tile[z % len(tile)][:side, :side]
        first = path / "0" / "c" / "0" / str(z) / "0" / "0"
        for time_point in range(times):
            for row in range(across):
                name = path / "0" / "c" / str(time_point) / str(z) / str(row)
                name.mkdir(parents=True, exist_ok=True)
                for column in range(across):
                    if not (name / str(column)).exists():
                        os.link(first, name / str(column))
    return path


def print_overhead(folder: Path, planes: int, side_px: int, repeats: int) -> None:
    """Compare the processor time of a plain fusion with that of writing OME-Zarr in blocks."""
    source = write_input(folder, planes, side_px)
    stack = zarr.open_array(str(source / "0"), mode="r")[0]
    rows = []  # of both, reading is a part
    for measure in MEASURES:
        config = FusionConfig(focus_measure=measure)
        fuse(stack[:, :64, :64], config)
        plain, blocks = [], []
        for number in range(repeats):
            plain.append(_processor_s(partial(_read_and_fuse, source, config)))
            output = folder / f"{measure}-{number}"
            blocks.append(_processor_s(partial(fuse_zarr, source, output, config)))
        ours, theirs = min(blocks), min(plain)
        more = f"{100 * (ours / theirs - 1):+.0f} %"
        rows.append((measure, f"{theirs:.1f}", f"{ours:.1f}", more))
    print(heading(f"Overhead: {planes} x {side_px} x {side_px}, uint16, processor time"))
    print(table(("measure", "plain, s", "OME-Zarr, s", "more"), rows), flush=True)


def _read_and_fuse(source: Path, config: FusionConfig) -> None:
    fuse(zarr.open_array(str(source / "0"), mode="r")[0], config)


def _processor_s(job: Any) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def print_workers(folder: Path, times: int, planes: int, side_px: int) -> None:
    """Compare workers of dask, each with one thread."""
    from distributed import Client, LocalCluster

    source = write_input(folder, planes, side_px, times)
    seconds = {}
    for count in (1, 2):
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            # Kernels are loaded by each worker before time is taken.
            options = {"scheduler": client, "focus_measure": "laplacian"}
            warm = write_input(folder, planes, 64 + count, 2 * count)
            fuse_zarr(warm, folder / f"warm-{count}", **options)
            start = time.perf_counter()
            fuse_zarr(source, folder / f"workers-{count}", **options)
            seconds[count] = time.perf_counter() - start
    rows = [
        (f"{count}", f"{took:.1f}", f"{seconds[1] / took:.2f}") for count, took in seconds.items()
    ]
    print(heading(f"Workers: {times} stacks of {planes} x {side_px} x {side_px}, laplacian"))
    print(table(("workers", "s", "times as fast"), rows), flush=True)


def print_memory(folder: Path, cases: list[tuple[int, int]], **options: Any) -> None:
    """Tell the highest memory of processes that fuse large inputs."""
    rows = []
    for planes, side_px in cases:
        source, output = write_input(folder, planes, side_px), folder / f"out-{planes}-{side_px}"
        command = [sys.executable, "-c", RUN, str(source), str(output), json.dumps(options)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        seconds, took_mb = json.loads(done.stdout.splitlines()[-1])
        size_gb = planes * side_px**2 * 2 / 2**30
        rows.append(
            (
                f"{planes} x {side_px} x {side_px}",
                f"{size_gb:.1f}",
                f"{took_mb:.0f}",
                f"{seconds:.0f}",
            )
        )
    print(heading(f"Highest memory of the process, {options}"))
    print(table(("stack", "GB", "MB", "s"), rows), flush=True)


def print_costs(folder: Path, planes: int, side_px: int) -> None:
    """Tell what one stack costs one thread, for models of larger runs."""
    source = write_input(folder, planes, side_px)
    rows = []
    for measure in MEASURES:
        events = iter_fuse_zarr(
            source, folder / f"costs-{measure}", focus_measure=measure, threads=1
        )
        last: list[ZarrProgress] = []
        seconds = _processor_s(partial(run_to_end, events, last.append))
        each = 1e6 * seconds / (planes * side_px**2)
        rows.append((measure, f"{seconds:.1f}", f"{each:.3f}"))
    print(heading(f"One thread: {planes} x {side_px} x {side_px}"))
    print(table(("measure", "s", "s per megapixel and plane"), rows), flush=True)


def main() -> int:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="overhead, workers, memory, costs (default: all)")
    parser.add_argument("--small", action="store_true", help="Smaller inputs, for a busy machine.")
    arguments = parser.parse_args()
    small = arguments.small
    jobs = {
        "overhead": lambda at: print_overhead(at, *((20, 1024, 1) if small else (20, 2048, 3))),
        "workers": lambda at: print_workers(at, *((6, 6, 768) if small else (12, 20, 2048))),
        "memory": lambda at: print_memory(
            at,
            [(4, 8192)] if small else [(30, 20_000), (10_000, 2048)],
            focus_measure="laplacian",
            memory_mb=1500,
        ),
        "costs": lambda at: print_costs(at, *((10, 768) if small else (30, 2048))),
    }
    for name in arguments.parts or jobs:
        with tempfile.TemporaryDirectory() as folder:
            jobs[name](Path(folder))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
