"""The stages of the plane ranker as ONNX models, for planes that arrive one after the other.

They compute what `StreamingRanker` computes, from the same weights; the reasons are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from napari_umis_fusion.network._halving import COARSE_SHARE
from napari_umis_fusion.network._onnx_graph import plane_shape
from napari_umis_fusion.network._ranker_layers import RankerLayers, Weights
from napari_umis_fusion.network._ranker_layout import WIDTHS

SCALES = {"quarter": 4, "eighth": 8, "sixteenth": 16}
"""Names of the scales at which planes are compared, and pixels along y and x of one value."""

COMPARED = ("here", "around", "rise")
"""What is taken of three planes: the one in the middle, the sum of both others, and the one after
less the one before."""


@dataclass(frozen=True, slots=True)
class RankerModels:
    """ONNX models of the stages, each a file in memory.

    Attributes
    ----------
    detail : bytes
        From a plane to the plane less its local mean.
    features : bytes
        From the detail of three planes to features at a quarter of the resolution, and those for
        the last stage.
    encode : bytes
        From these features to those of the coarser scales.
    compare : bytes
        From the features of three planes to those of a plane compared with its neighbours.
    score : bytes
        From compared features of three planes, and those for the last stage, to scores.
    enlarge : bytes
        From copying scores at half the resolution to what they add to those at the full one.
    """

    detail: bytes
    features: bytes
    encode: bytes
    compare: bytes
    score: bytes
    enlarge: bytes


def ranker_models(weights: Weights) -> RankerModels:
    """Return the stages of a network with these weights."""
    return RankerModels(
        _detail(),
        _features(weights),
        _encode(weights),
        _compare(weights),
        _score(weights),
        _enlarge(),
    )


def of_three(name: str) -> list[str]:
    """Return the names of what is taken of three planes."""
    return [f"{name}_{part}" for part in COMPARED]


class _PlaneLayers(RankerLayers):
    """A graph whose inputs are single planes.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Weights of a plane ranker, float32.
    inputs : mapping of str to tuple of int
        Name of each input, its channels, and pixels along y and x of one value.
    """

    def __init__(self, weights: Weights, inputs: Mapping[str, tuple[int, int]]) -> None:
        shapes = {name: plane_shape(f"of_{px}", count) for name, (count, px) in inputs.items()}
        super().__init__(weights, shapes)
        for name, size in inputs.items():
            self.place(name, *size)

    @classmethod
    def of_scales(cls, weights: Weights, **others: tuple[int, int]) -> Self:
        """Return a graph that takes the features of three planes at all scales, and others."""
        pairs = zip(SCALES.items(), WIDTHS[1:], strict=True)
        levels = {name: (n, px) for (scale, px), n in pairs for name in of_three(scale)}
        return cls(weights, {**levels, **others})

    def levels(self) -> list[list[str]]:
        """Return the features of three planes at all scales."""
        found = [of_three(scale) for scale in SCALES]
        return [[self._in_blocks(here), *others] for here, *others in found]

    def _in_blocks(self, x: str) -> str:
        """Return a value in the order of memory that ONNX Runtime's convolutions take.

        It orders what these take, and what follows them. To an input that is added to their
        results it would bring each of these back.
        """
        return self._resized(self.node("MaxPool", x, kernel_shape=[1, 1]))


def _detail() -> bytes:
    graph = _PlaneLayers({}, {"plane": (1, 1)})
    return graph.model({"detail": graph.subtract_local_mean("plane")})


def _features(weights: Weights) -> bytes:
    details = of_three("detail")
    graph = _PlaneLayers(weights, dict.fromkeys(details, (1, 1)))
    quarter, edges, prior = graph.extract_features(details)
    return graph.model({"quarter": quarter, "edges": edges, "prior": prior})


def _encode(weights: Weights) -> bytes:
    graph = _PlaneLayers(weights, {"quarter": (WIDTHS[1], SCALES["quarter"])})
    eighth, sixteenth = graph.encode_coarser("quarter")
    return graph.model({"eighth": eighth, "sixteenth": sixteenth})


def _compare(weights: Weights) -> bytes:
    graph = _PlaneLayers.of_scales(weights)
    return graph.model(dict(zip(SCALES, graph.mix_neighbours(graph.levels()), strict=True)))


def _score(weights: Weights) -> bytes:
    graph = _PlaneLayers.of_scales(weights, edges=(WIDTHS[0], 2), prior=(2, 4))
    decoded = graph.decode(graph.levels())
    return graph.model({"scores": graph.score(decoded, graph.layer("edges", "skip"), "prior")})


def _enlarge() -> bytes:
    graph = _PlaneLayers({}, {"coarse": (1, 2)})
    share = graph.constant(np.array(COARSE_SHARE, np.float32))
    return graph.model({"enlarged": graph.node("Mul", graph.upsample("coarse", 2), share)})
