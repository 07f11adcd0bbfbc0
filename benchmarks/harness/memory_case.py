"""Fuse one stack of planes that are made when they are read, and say what memory it took."""

import json
import sys
from time import perf_counter
from typing import Any

import numpy as np
import psutil

from napari_umis_fusion.fusion import MemoryPlan, iter_fuse

PATTERN_PX = 256
"""Side of the square of noise that planes repeat."""


class LazyPlanes:
    """A stack that exists only where it is read."""

    def __init__(self, side_px: int, planes: int, kind: str) -> None:
        dtype, _, colour = kind.partition(" ")
        self.shape = (planes, side_px, side_px, *((3,) if colour else ()))
        self.dtype = np.dtype(dtype)
        self.ndim = len(self.shape)

    def __getitem__(self, where: Any) -> np.ndarray:
        z, rows, columns = where if isinstance(where, tuple) else (where, slice(None), slice(None))
        size = (PATTERN_PX, PATTERN_PX, *self.shape[3:])
        pattern = np.random.default_rng(int(z)).integers(0, 250, size).astype(self.dtype)
        y, x = (
            np.arange(*part.indices(side)) % PATTERN_PX
            for part, side in zip((rows, columns), self.shape[1:3], strict=True)
        )
        return pattern[y[:, None], x[None, :]]


def fuse(stack: Any, config: dict[str, Any]) -> MemoryPlan:
    """Fuse, and return what was said of memory."""
    plans = [event for event in iter_fuse(stack, **config) if isinstance(event, MemoryPlan)]
    return plans[0]


def peak_mb() -> float:
    """Return the most memory that this process ever had."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):
        return memory.peak_wset / 2**20
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    """Run the case of the command line."""
    case = json.loads(sys.argv[1])
    # Loads the kernels and the network, which a program has loaded once.
    fuse(LazyPlanes(64, 5, case["kind"]), case["config"])
    before = psutil.Process().memory_info().rss / 2**20
    stack = LazyPlanes(case["side_px"], case["planes"], case["kind"])
    start = perf_counter()
    plan = fuse(stack, case["config"])
    told = {
        "said_mb": plan.needed_mb,
        "took_mb": max(peak_mb() - before, 1.0),
        "blocks": len(plan.blocks),
        "seconds": perf_counter() - start,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
