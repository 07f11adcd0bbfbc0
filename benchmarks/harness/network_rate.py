"""Child process: how fast one thread computes the network as `fuse` does, and multiplies matrices.

Both take turns, and only the time of this thread is counted, so that other jobs disturb little.
"""

import json
import sys
from collections.abc import Callable
from time import thread_time

import numpy as np
import torch

from napari_umis_fusion.network import (
    OnnxStages,
    OnnxTwoScaleStream,
    load_checkpoint,
    shipped_weights,
)

MULTIPLICATIONS_PX = 6076
"""Multiplications of the plane ranker for each pixel of a plane, from the shapes of its layers."""

BOTH_SCALES = 1.25
"""Planes are scored at full and at half the resolution."""

MATRIX_SIDE = 1024


def rounds(side_px: int, planes: int, repeats: int) -> list[tuple[float, float]]:
    """Return rates in GFLOPS, of the network and of matrices, in each round."""
    torch.set_num_threads(1)
    stages = OnnxStages(load_checkpoint(shipped_weights("plane-ranker")).arrays)
    stack = np.random.default_rng(0).random((planes, side_px, side_px), dtype=np.float32)
    matrix = torch.rand(MATRIX_SIDE, MATRIX_SIDE)

    def score() -> None:
        stream = OnnxTwoScaleStream(stages, stack.shape[1:])
        for plane in stack:
            stream.push(plane)
        list(stream.end())

    scoring = 2 * MULTIPLICATIONS_PX * BOTH_SCALES * stack.size
    product = 2 * MATRIX_SIDE**3
    score()
    return [
        (_rate(score, scoring), _rate(lambda: matrix @ matrix, product)) for _ in range(repeats)
    ]


def _rate(job: Callable[[], object], operations: float) -> float:
    """Return billions of operations a second of this thread, over half a second or longer."""
    start, calls = thread_time(), 0
    while not calls or thread_time() - start < 0.5:
        job()
        calls += 1
    return calls * operations / (thread_time() - start) / 1e9


if __name__ == "__main__":
    print(json.dumps(rounds(**json.loads(sys.argv[1]))))
