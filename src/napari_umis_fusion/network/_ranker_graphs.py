"""The stages of the plane ranker as ONNX models, for planes that arrive one after the other.

They compute what `StreamingRanker` computes, from the same weights; the reasons are there.
"""

from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.network._halving import COARSE_SHARE
from napari_umis_fusion.network._onnx_graph import plane_shape
from napari_umis_fusion.network._ranker_layers import RankerLayers, Weights
from napari_umis_fusion.network._ranker_layout import HEAD_WIDTH, WIDTHS

SCALES = ("quarter", "eighth", "sixteenth")
"""Names of the scales at which planes are compared."""

NEIGHBOURS = ("before", "here", "after")


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
        From these features to those of all scales.
    compare : bytes
        From the features of three planes to those of a plane compared with its neighbours.
    decode : bytes
        From compared features of three planes to features at a quarter of the resolution.
    score : bytes
        From these, and those for the last stage, to scores.
    enlarge : bytes
        From copying scores at half the resolution to what they add to those at the full one.
    """

    detail: bytes
    features: bytes
    encode: bytes
    compare: bytes
    decode: bytes
    score: bytes
    enlarge: bytes


def ranker_models(weights: Weights) -> RankerModels:
    """Return the stages of a network with these weights."""
    return RankerModels(
        _detail(),
        _features(weights),
        _encode(weights),
        _compare(weights),
        _decode(weights),
        _score(weights),
        _enlarge(),
    )


def _layers(weights: Weights, **channels: int) -> RankerLayers:
    """Return a graph whose inputs are single planes with so many channels."""
    return RankerLayers(weights, {name: plane_shape(name, n) for name, n in channels.items()})


def _detail() -> bytes:
    graph = _layers({}, plane=1)
    return graph.model({"detail": graph.subtract_local_mean("plane")})


def _features(weights: Weights) -> bytes:
    details = [f"detail_{which}" for which in NEIGHBOURS]
    graph = _layers(weights, **dict.fromkeys(details, 1))
    quarter, skip, prior = graph.extract_features(details)
    return graph.model({"quarter": quarter, "skip": skip, "prior": prior})


def _encode(weights: Weights) -> bytes:
    graph = _layers(weights, features=WIDTHS[1])
    return graph.model(dict(zip(SCALES, graph.encode_scales("features"), strict=True)))


def _of_scales(weights: Weights) -> tuple[RankerLayers, list[list[str]]]:
    """Return a graph that takes the features of three planes at all scales, and their names."""
    levels = [[f"{name}_{which}" for which in NEIGHBOURS] for name in SCALES]
    widths = zip(levels, WIDTHS[1:], strict=True)
    return _layers(weights, **{name: width for names, width in widths for name in names}), levels


def _compare(weights: Weights) -> bytes:
    graph, levels = _of_scales(weights)
    return graph.model(dict(zip(SCALES, graph.mix_neighbours(levels), strict=True)))


def _decode(weights: Weights) -> bytes:
    graph, levels = _of_scales(weights)
    return graph.model({"decoded": graph.decode(levels)})


def _score(weights: Weights) -> bytes:
    graph = _layers(weights, decoded=HEAD_WIDTH, skip=HEAD_WIDTH, prior=2)
    return graph.model({"scores": graph.score("decoded", "skip", "prior")})


def _enlarge() -> bytes:
    graph = _layers({}, coarse=1)
    share = graph.constant(np.array(COARSE_SHARE, np.float32))
    return graph.model({"enlarged": graph.node("Mul", graph.upsample("coarse", 2), share)})
