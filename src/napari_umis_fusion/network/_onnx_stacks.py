"""Whole stacks through a plane ranker whose weights stay, without torch's cost.

Training takes the features of fixed layers, and the scores of fixed networks, from here: ONNX
Runtime computes them in half the time, on the thread that calls it.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from napari_umis_fusion.network._onnx_session import compute, open_session
from napari_umis_fusion.network._plane_ranker import ComparedPlanes, PlaneRanker, Scores
from napari_umis_fusion.network._whole_networks import StackRanker

STACKS = {"stacks": ("N", "Z", "Y", "X")}

COMPARED = ("quarter", "eighth", "sixteenth", "skip", "prior")
"""Outputs of the layers up to `PlaneRanker.compare`."""


class OnnxStackRanker:
    """Computes whole stacks with the weights that a network has now.

    Parameters
    ----------
    model : PlaneRanker
        Its weights are copied.
    until : {"compared", "scores"}
        What is computed: what the late layers take, or the scores.
    """

    def __init__(self, model: PlaneRanker, until: Literal["compared", "scores"]) -> None:
        weights = {name: value.numpy(force=True) for name, value in model.state_dict().items()}
        graph = StackRanker(weights, STACKS)
        if until == "scores":
            outputs = dict(zip(("select", "weigh"), graph.scores(), strict=True))
        else:
            levels, skip, prior = graph.compared()
            outputs = dict(zip(COMPARED, (*levels, skip, prior), strict=True))
        shapes = {name: [f"{name}_{axis}" for axis in "nczy"] for name in outputs}
        self._session = open_session(graph.model(outputs, shapes))

    def compare(self, planes: Tensor) -> ComparedPlanes:
        """Return what `PlaneRanker.compare` returns of stacks (N, Z, Y, X)."""
        # In the format of torch's convolutions, which would else convert them in each layer.
        quarter, eighth, sixteenth, skip, prior = (
            part.contiguous(memory_format=torch.channels_last) for part in self._run(planes)
        )
        return ComparedPlanes((quarter, eighth, sixteenth), skip, prior)

    def score(self, planes: Tensor) -> Scores:
        """Return the scores of stacks (N, Z, Y, X)."""
        return Scores(*self._run(planes))

    def _run(self, planes: Tensor) -> list[Tensor]:
        found = compute(self._session, {"stacks": np.ascontiguousarray(planes.numpy())})
        return [torch.from_numpy(part) for part in found]
