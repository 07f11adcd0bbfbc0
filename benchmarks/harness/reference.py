"""Child process: how much of the reference method's time is spent outside its network."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.files import open_stack
from napari_umis_fusion.network import (
    StripNetwork,
    choose_device,
    default_strip_rows,
    load_checkpoint,
)
from napari_umis_fusion.runtime import run_to_end

FeatureSteps = Callable[[StripNetwork, Tensor, int], Any]


def run_network(network: StripNetwork, stack: NDArray[Any]) -> None:
    """Compute the features of each plane, and nothing else."""
    rows = default_strip_rows(network.device, stack.shape[2])
    for plane in stack:
        grey = plane.astype(np.float32).reshape(*plane.shape[:2], -1).mean(axis=2)
        run_to_end(network.iter_features(torch.from_numpy(grey / 127.5 - 1), rows))


def timed_features(spent: list[float]) -> FeatureSteps:
    """Return `StripNetwork.iter_features` that also notes how long each of its steps took."""
    original = StripNetwork.iter_features

    def iter_features(self: StripNetwork, plane: Tensor, strip_rows: int) -> Any:
        steps = original(self, plane, strip_rows)
        while True:
            start = perf_counter()
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            finally:
                spent.append(perf_counter() - start)
            yield

    return iter_features


def measure(folder: Path, checkpoint: str, repeats: int) -> list[dict[str, float]]:
    """Time the network alone, and the whole method with its network watched, on the CPU."""
    stack = np.stack(list(open_stack(folder)))
    config = FusionConfig.reference(checkpoint, device="cpu")
    network = StripNetwork(load_checkpoint(checkpoint).model(), choose_device("cpu"))
    fuse(stack[:2], config)
    rounds = []
    for _ in range(repeats):
        start = perf_counter()
        run_network(network, stack)
        alone = perf_counter() - start
        inside: list[float] = []
        with mock.patch.object(StripNetwork, "iter_features", timed_features(inside)):
            start = perf_counter()
            fuse(stack, config)
            whole = perf_counter() - start
        rounds.append({"alone": alone, "whole": whole, "inside": sum(inside)})
    return rounds


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    found = measure(Path(request["folder"]), request["checkpoint"], request["repeats"])
    print(json.dumps(found))
