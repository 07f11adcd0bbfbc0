"""The stages of the plane ranker as ONNX models, for planes that arrive one after the other.

They compute what `StreamingRanker` computes, from the same weights; the reasons are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.network._halving import COARSE_SHARE
from napari_umis_fusion.network._onnx_graph import OnnxGraph
from napari_umis_fusion.network._ranker_layout import (
    CONTRAST_GAIN,
    DARKEST_ENERGY,
    ENCODERS,
    HEAD_WIDTH,
    LOCAL_MEAN_PX,
    WIDTHS,
)
from napari_umis_fusion.runtime import Float32Array

Weights = Mapping[str, Float32Array]

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


class _Layers(OnnxGraph):
    """A graph with the layers of the network."""

    def __init__(self, weights: Weights, inputs: dict[str, int]) -> None:
        super().__init__(inputs)
        self._weights = weights

    def convolve(
        self, x: str, weight: Float32Array, bias: Float32Array | None = None, stride: int = 1
    ) -> str:
        """Convolve; the padding keeps the number of pixels, divided by the stride."""
        side = weight.shape[2]
        pad = (side - stride) // 2 if side % 2 == 0 else side // 2
        given = [self.constant(one) for one in (weight, bias) if one is not None]
        return self.node("Conv", x, *given, strides=[stride] * 2, pads=[pad] * 4, group=1)

    def layer(self, x: str, name: str, stride: int = 1) -> str:
        """Apply a convolution of the network."""
        bias = self._weights.get(f"{name}.bias")
        return self.convolve(x, self._weights[f"{name}.weight"], bias, stride)

    def residual(self, x: str, name: str) -> str:
        """Apply a residual block."""
        return self.node("Add", self.layer(self.node("Relu", x), f"{name}.conv"), x)

    def upsample(self, x: str, factor: int) -> str:
        """Upsample bilinearly."""
        scales = self.constant(np.array([1, 1, factor, factor], np.float32))
        return self.node("Resize", x, "", scales, mode="linear")

    def mean_3x3(self, x: str) -> str:
        """Return the mean over 3 x 3 pixels; at the edges, the nearest values continue."""
        pads = self.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
        wide = self.node("Pad", x, pads, mode="edge")
        return self.node("AveragePool", wide, kernel_shape=[3, 3], strides=[1, 1])

    def log_energy(self, x: str) -> str:
        """Return the logarithm of the mean square over 2 x 2 pixels."""
        square = self.node("Mul", x, x)
        mean = self.node("AveragePool", square, kernel_shape=[2, 2], strides=[2, 2])
        darkest = self.constant(np.array(DARKEST_ENERGY, np.float32))
        return self.node("Log", self.node("Add", mean, darkest))

    def mix(self, scale: int, stage: str) -> str:
        """Mix the features of a plane with their differences from both neighbours."""
        here, before, after = np.split(self._weights[f"{stage}.{scale}.conv.weight"], 3, 1)
        # A difference is linear: the weights of the planes themselves follow from its own.
        weight = np.concatenate([-before, here + before + after, -after], 1)
        planes = [f"{SCALES[scale]}_{which}" for which in NEIGHBOURS]
        stacked = self.node("Concat", *planes, axis=1)
        added = self.convolve(stacked, weight, self._weights[f"{stage}.{scale}.conv.bias"])
        return self.node("Add", self.node("Relu", added), planes[1])


def _detail() -> bytes:
    graph = _Layers({}, {"plane": 1})
    side = [LOCAL_MEAN_PX] * 2
    blocks = graph.node("AveragePool", "plane", kernel_shape=side, strides=side)
    mean = graph.upsample(graph.mean_3x3(blocks), LOCAL_MEAN_PX)
    gain = graph.constant(np.array(CONTRAST_GAIN, np.float32))
    return graph.model({"detail": graph.node("Mul", graph.node("Sub", "plane", mean), gain)})


def merged_filters(weights: Weights) -> tuple[Float32Array, Float32Array]:
    """Return the filters of a plane's detail, and those of the edges of three planes.

    They take detail at full resolution: 3 x 3 over four phases equals 6 x 6 over pixels.

    Returns
    -------
    ndarray of shape (C, 1, 6, 6)
        Filters of one plane.
    ndarray of shape (C, 3, 6, 6)
        Filters of the planes before, here and after.
    """
    phases = weights["filters.weight"]
    count = phases.shape[0]
    own = phases.reshape(count, 2, 2, 3, 3).transpose(0, 3, 1, 4, 2).reshape(count, 1, 6, 6)
    here, from_before, from_after = (
        np.tensordot(part, own, 1) for part in np.split(weights["motion.weight"][..., 0, 0], 3, 1)
    )
    return own, np.concatenate([-from_before, here + from_before + from_after, -from_after], 1)


def _features(weights: Weights) -> bytes:
    graph = _Layers(weights, {f"detail_{which}": 1 for which in NEIGHBOURS})
    own_filters, edge_filters = merged_filters(weights)
    planes = graph.node("Concat", *(f"detail_{which}" for which in NEIGHBOURS), axis=1)
    edges = graph.node("Abs", graph.convolve(planes, edge_filters, stride=2))
    own = graph.log_energy(graph.convolve("detail_here", own_filters, stride=2))
    energies = graph.node("Concat", own, graph.log_energy(edges), axis=1)
    texture = graph.layer(energies, "energies")
    quarter = graph.node("Add", graph.layer(edges, "down.0", stride=2), texture)
    prior = graph.mean_3x3(graph.layer(own, "prior"))
    return graph.model({"quarter": quarter, "skip": graph.layer(edges, "skip"), "prior": prior})


def _encode(weights: Weights) -> bytes:
    graph = _Layers(weights, {"features": WIDTHS[1]})
    x, found = "features", {}
    for scale, (name, count) in enumerate(zip(SCALES, ENCODERS, strict=True)):
        if scale:
            x = graph.layer(graph.node("Relu", x), f"down.{scale}", stride=2)
        for block in range(count):
            x = graph.residual(x, f"encode.{scale}.{block}")
        found[name] = x
    return graph.model(found)


def _compared(weights: Weights) -> _Layers:
    inputs = {
        f"{name}_{which}": width
        for name, width in zip(SCALES, WIDTHS[1:], strict=True)
        for which in NEIGHBOURS
    }
    return _Layers(weights, inputs)


def _compare(weights: Weights) -> bytes:
    graph = _compared(weights)
    return graph.model(
        {
            name: graph.residual(graph.mix(scale, "first_mix"), f"between.{scale}")
            for scale, name in enumerate(SCALES)
        }
    )


def _decode(weights: Weights) -> bytes:
    graph = _compared(weights)
    quarter, x, sixteenth = (graph.mix(scale, "second_mix") for scale in range(3))
    for scale, fine, coarse in ((2, x, sixteenth), (1, quarter, "")):
        up = graph.layer(graph.node("Relu", coarse or x), f"up.{scale}")
        x = graph.node("Add", fine, graph.upsample(up, 2))
    for block in range(2):
        x = graph.residual(x, f"after.{block}")
    return graph.model({"decoded": graph.layer(x, "up.0")})


def _score(weights: Weights) -> bytes:
    graph = _Layers(weights, {"decoded": HEAD_WIDTH, "skip": HEAD_WIDTH, "prior": 2})
    edges = graph.node("Relu", graph.node("Add", graph.upsample("decoded", 2), "skip"))
    # The classical scores are those of all four pixels into which each one is unfolded.
    spread = np.repeat(np.eye(2, dtype=np.float32), 4, 0)[..., None, None]
    prior = graph.convolve(graph.upsample("prior", 2), spread)
    both = graph.node("Add", graph.layer(edges, "head"), prior)
    return graph.model({"scores": graph.node("DepthToSpace", both, blocksize=2, mode="CRD")})


def _enlarge() -> bytes:
    graph = _Layers({}, {"coarse": 1})
    share = graph.constant(np.array(COARSE_SHARE, np.float32))
    return graph.model({"enlarged": graph.node("Mul", graph.upsample("coarse", 2), share)})
