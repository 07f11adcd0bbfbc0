"""Child process: how much of the reference method's time is spent outside its network."""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.files import open_stack
from napari_umis_fusion.network.device import choose_device, default_strip_rows
from napari_umis_fusion.network.inference import StripNetwork
from napari_umis_fusion.network.weights import load_checkpoint
from napari_umis_fusion.workers import drain


def run_network(network: StripNetwork, stack: NDArray[Any]) -> None:
    """Compute the features of each plane, and nothing else."""
    rows = default_strip_rows(network.device, stack.shape[2])
    for plane in stack:
        grey = plane.astype(np.float32).reshape(*plane.shape[:2], -1).mean(axis=2)
        drain(network.iter_features(torch.from_numpy(grey / 127.5 - 1), rows))


def measure(folder: Path, checkpoint: str, repeats: int) -> dict[str, list[float]]:
    """Time network and whole method in turn, on the CPU, after a plane that warms up."""
    stack = np.stack(list(open_stack(folder)))
    config = FusionConfig.reference(checkpoint, device="cpu")
    network = StripNetwork(load_checkpoint(checkpoint).model(), choose_device("cpu"))
    fuse(stack[:2], config)
    taken: dict[str, list[float]] = {"network": [], "whole": []}
    for _ in range(repeats):
        for name, job in (
            ("network", lambda: run_network(network, stack)),
            ("whole", lambda: fuse(stack, config)),
        ):
            start = perf_counter()
            job()
            taken[name].append(perf_counter() - start)
    return taken


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    found = measure(Path(request["folder"]), request["checkpoint"], request["repeats"])
    print(json.dumps(found))
