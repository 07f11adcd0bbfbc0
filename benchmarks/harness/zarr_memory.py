"""Fuse OME-Zarr in a process of its own, and tell what memory and temporary files it took."""

import json
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from napari_umis_fusion.scale import iter_fuse_zarr

MAPS = Path("/proc/self/maps")


def temporary_mb() -> float:
    """Return the size of the files in the folder of temporary ones, and of nameless ones."""
    folder = tempfile.gettempdir()
    size = sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file())
    if MAPS.is_file():
        for line in MAPS.read_text().splitlines():
            if folder in line and line.endswith("(deleted)"):
                start, end = (int(part, 16) for part in line.split(" ", 1)[0].split("-"))
                size += end - start
    return size / 2**20


def main() -> None:
    """Fuse what the command line names: input, output and options as JSON."""
    source, output, options = sys.argv[1:]
    start, kept_mb = perf_counter(), 0.0
    for _ in iter_fuse_zarr(source, output, **json.loads(options)):
        kept_mb = max(kept_mb, temporary_mb())
    unit = 1 if sys.platform == "darwin" else 1024
    told = {
        "took_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20,
        "temporary_mb": kept_mb,
        "seconds": perf_counter() - start,
        "processor_s": process_time(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
