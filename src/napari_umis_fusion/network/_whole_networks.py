"""Whole networks as ONNX models, for other programs."""

from collections.abc import Callable, Mapping

import numpy as np

from napari_umis_fusion.network._architectures import Architecture
from napari_umis_fusion.network._onnx_graph import OnnxGraph, OnnxText, Shape
from napari_umis_fusion.network._ranker_layers import Neighbours, RankerLayers, Weights
from napari_umis_fusion.network._unetplusplus import DEPTH, NODES

Axes = Mapping[str, Shape]

BATCH_NORM_EPSILON = 1e-5
"""What torch adds to variances."""

LAST = np.iinfo(np.int64).max
"""End of a slice that goes to the end."""


def network_model(
    architecture: Architecture, weights: Weights, inputs: Axes, outputs: Axes, text: OnnxText
) -> bytes:
    """Return a whole network as an ONNX model.

    Parameters
    ----------
    architecture : {"plane-ranker", "umis-unetplusplus"}
        The network.
    weights : mapping of str to ndarray
        Its weights, float32.
    inputs, outputs : mapping of str to sequence of int or str
        Names and shapes of its tensors: stacks (N, Z, Y, X) and two scores of that shape, or
        planes (N, 1, Y, X) and features (N, 16, Y, X).
    text : OnnxText
        What the file says about itself.

    Returns
    -------
    bytes
        Content of the file.
    """
    graph, found = _NETWORKS[architecture](weights, inputs)
    return graph.model(dict(zip(outputs, found, strict=True)), outputs, text)


class StackRanker(RankerLayers):
    """The plane ranker for stacks whose planes lie one after the other along the first axis."""

    def __init__(self, weights: Weights, inputs: Axes) -> None:
        super().__init__(weights, inputs)
        (self._stacks,) = inputs

    def compared(self) -> tuple[list[str], str, str]:
        """Compare the planes of stacks (N, Z, Y, X): what `PlaneRanker.compare` returns."""
        one_plane = self.constant(np.array([-1, 1, 0, 0]))
        detail = self.subtract_local_mean(self.node("Reshape", self._stacks, one_plane))
        quarter, edges, prior = self.extract_features(self._with_neighbours(detail))
        scales = quarter, *self.encode_coarser(quarter)
        levels = [self._with_neighbours(level) for level in scales]
        return self.mix_neighbours(levels), self.layer(edges, "skip"), prior

    def scores(self) -> list[str]:
        """Score the planes of stacks (N, Z, Y, X)."""
        levels, skip, prior = self.compared()
        both = self.score(self.decode([self._with_neighbours(x) for x in levels]), skip, prior)
        shape = self.node("Shape", self._stacks)
        return [self.node("Reshape", self.part(both, 1, k, k + 1), shape) for k in range(2)]

    def part(self, x: str, axis: int, start: int, stop: int) -> str:
        """Cut along an axis."""
        ends = (self.constant(np.array([value])) for value in (start, stop, axis))
        return self.node("Slice", x, *ends)

    def _with_neighbours(self, features: str) -> Neighbours:
        """Compare the features of planes (N Z, C, Y, X) with those of their neighbours.

        The first and the last plane of a stack are their own neighbours.
        """
        count = self.part(self.node("Shape", self._stacks), 0, 0, 2)
        flat = self.node("Concat", count, self.constant(np.array([-1])), axis=0)
        by_plane = self.node("Reshape", features, flat)
        ends = self.part(by_plane, 1, 0, 1), self.part(by_plane, 1, -1, LAST)
        before = self.node("Concat", ends[0], self.part(by_plane, 1, 0, -1), axis=1)
        after = self.node("Concat", self.part(by_plane, 1, 1, LAST), ends[1], axis=1)
        shape = self.node("Shape", features)
        before, after = (self.node("Reshape", one, shape) for one in (before, after))
        around, rise = self.node("Add", before, after), self.node("Sub", after, before)
        return features, around, rise


class _UNetPlusPlus(OnnxGraph):
    """The UMIS network up to its features."""

    def __init__(self, weights: Weights, inputs: Axes) -> None:
        super().__init__(inputs)
        self._weights = weights
        (self._planes,) = inputs

    def features(self) -> str:
        """Return node x[0][4]."""
        nodes: dict[tuple[int, int], str] = {}
        for level, column in NODES:
            if column:
                skips = [nodes[level, k] for k in range(column)]
                up = self._upsample_to(nodes[level + 1, column - 1], skips[0])
                taken = self.node("Concat", *skips, up, axis=1)
            elif level:
                pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
                taken = self.node("MaxPool", nodes[level - 1, 0], **pool)
            else:
                taken = self._planes
            nodes[level, column] = self._block(taken, f"conv{level}_{column}")
        return nodes[0, DEPTH - 1]

    def _number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def _block(self, x: str, name: str) -> str:
        first = self._relu6(self._convolve(x, f"{name}.conv1", f"{name}.bn1"))
        second = self._convolve(first, f"{name}.conv2", f"{name}.bn2")
        weighted = self.node("Mul", second, self._attention(second, f"{name}.att.fc"))
        return self._relu6(weighted)

    def _relu6(self, x: str) -> str:
        return self.node("Clip", x, self._number(0), self._number(6))

    def _convolve(self, x: str, convolution: str, normalisation: str) -> str:
        """Convolve and normalise, which is one convolution."""
        weight, bias = (self._weights[f"{convolution}.{part}"] for part in ("weight", "bias"))
        gain, shift, mean, variance = (
            self._weights[f"{normalisation}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gain / np.sqrt(variance + BATCH_NORM_EPSILON)
        merged = (weight * gain[:, None, None, None], (bias - mean) * gain + shift)
        constants = [self.constant(one.astype(np.float32)) for one in merged]
        return self.node("Conv", x, *constants, pads=[weight.shape[2] // 2] * 4)

    def _attention(self, x: str, name: str) -> str:
        """Return a weight for each channel, as 1 x 1 convolutions of the means over the plane."""
        means = self.node("GlobalAveragePool", x)
        hidden = self._gelu(self.node("Conv", means, self._pointwise(f"{name}.0.weight")))
        return self.node("Sigmoid", self.node("Conv", hidden, self._pointwise(f"{name}.2.weight")))

    def _pointwise(self, name: str) -> str:
        return self.constant(self._weights[name][..., None, None])

    def _gelu(self, x: str) -> str:
        """Return x times the share of a normal distribution below x."""
        error = self.node("Erf", self.node("Mul", x, self._number(np.sqrt(0.5))))
        share = self.node("Mul", self.node("Add", error, self._number(1)), self._number(0.5))
        return self.node("Mul", x, share)

    def _upsample_to(self, x: str, skip: str) -> str:
        """Upsample twofold, and pad with zeros to the size of `skip`."""
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        aligned = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
        up = self.node("Resize", x, "", scales, **aligned)
        sides = (self.constant(np.array([value])) for value in (2, 4, 0))
        start, stop, axis = sides
        missing = self.node(
            "Sub",
            *(self.node("Slice", self.node("Shape", one), start, stop, axis) for one in (skip, up)),
        )
        # At most one row and one column are missing, at the end.
        pads = self.node("Concat", self.constant(np.zeros(6, np.int64)), missing, axis=0)
        return self.node("Pad", up, pads)


def _ranker(weights: Weights, inputs: Axes) -> tuple[OnnxGraph, list[str]]:
    graph = StackRanker(weights, inputs)
    return graph, graph.scores()


def _unetplusplus(weights: Weights, inputs: Axes) -> tuple[OnnxGraph, list[str]]:
    graph = _UNetPlusPlus(weights, inputs)
    return graph, [graph.features()]


_NETWORKS: dict[Architecture, Callable[[Weights, Axes], tuple[OnnxGraph, list[str]]]] = {
    "plane-ranker": _ranker,
    "umis-unetplusplus": _unetplusplus,
}
