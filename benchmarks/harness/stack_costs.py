"""What one stack costs: processor time, bytes and files, told by a process of its own."""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from harness.zarr_input import write_input
from napari_umis_fusion.scale import fuse_zarr

LOOK = 0.1
"""What a look at the date of a file takes of the time of opening it, about: it is not read."""

PLANES = (4, 12)
"""Costs of a plane are the difference of two stacks; what is left is that of their end."""


@dataclass(frozen=True)
class StackCosts:
    """What a stack costs one thread.

    Attributes
    ----------
    plane_s, end_s : float
        Processor time of each plane, and of all else, in s.
    plane_mb, plane_files : float
        What is read for each plane, in 10^6 bytes of files, and how many of them; a file of which
        only the date is looked at counts as `LOOK`.
    end_mb, end_files : float
        What is written, and how many files are opened besides.
    """

    plane_s: float
    end_s: float
    plane_mb: float
    plane_files: float
    end_mb: float
    end_files: float


class _Opened:
    """Counts the files that are opened, and their bytes as they are then."""

    def __init__(self, source: Path) -> None:
        self._source = str(source / "0" / "c")
        self.counts = {"planes": 0.0, "others": 0.0}
        self.read_bytes = 0
        self.is_on = False

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        name = arguments[0] if arguments else None
        if not self.is_on or not isinstance(name, str) or event not in ("open", "os.scandir"):
            return
        is_input = name.startswith(self._source)
        if event == "os.scandir":
            self.counts["planes" if is_input else "others"] += LOOK * len(os.listdir(name))
            return
        self.counts["planes" if is_input else "others"] += 1
        if is_input and os.path.isfile(name):
            self.read_bytes += os.path.getsize(name)


def measure(folder: Path, planes: int, case: dict[str, object]) -> list[float]:
    """Fuse a stack; return processor time, files and bytes of planes, files and bytes of others."""
    side_px, channels, chunk_px = (int(str(case[n])) for n in ("side_px", "channels", "chunk_px"))
    source = write_input(folder, planes, side_px, channels=channels, chunk_px=chunk_px)
    output = folder / f"out-{planes}-{side_px}"
    opened = _Opened(source)
    sys.addaudithook(opened.hear)
    opened.is_on, start = True, process_time()
    fuse_zarr(source, output, focus_measure=case["measure"], threads=1)
    seconds = process_time() - start
    opened.is_on = False
    written = sum(one.stat().st_size for one in output.rglob("*") if one.is_file())
    counts = opened.counts
    return [seconds, counts["planes"], opened.read_bytes, counts["others"], written]


def costs_of(case: dict[str, object]) -> StackCosts:
    """Measure the costs of a stack: sides, channels and chunks in px, and the focus measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure(folder, 3, {**case, "side_px": 64})  # loads kernels and network
        few, many = (measure(folder, planes, case) for planes in PLANES)
    planes = PLANES[1] - PLANES[0]
    each = [(one - other) / planes for one, other in zip(many, few, strict=True)]
    ends = [one - PLANES[0] * part for one, part in zip(few, each, strict=True)]
    return StackCosts(each[0], max(ends[0], 0), each[2] / 1e6, each[1], few[4] / 1e6, ends[3])


if __name__ == "__main__":
    print(json.dumps(vars(costs_of(json.loads(sys.argv[1])))))
