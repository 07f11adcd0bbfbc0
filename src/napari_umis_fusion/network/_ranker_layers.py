"""The layers of the plane ranker as operators of ONNX, shared by all graphs of it.

They compute what `PlaneRanker` and `StreamingRanker` compute, from the same weights.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from napari_umis_fusion.network._onnx_graph import OnnxGraph, Shape
from napari_umis_fusion.network._ranker_layout import (
    BOTH_ORDERS,
    CONTRAST_GAIN,
    DARKEST_ENERGY,
    ENCODERS,
    LOCAL_MEAN_PX,
)
from napari_umis_fusion.runtime import Float32Array

Weights = Mapping[str, Float32Array]

HALF = np.float32(0.5)

Neighbours = Sequence[str]
"""Values of the planes before, here and after."""


class RankerLayers(OnnxGraph):
    """A graph with the layers of the plane ranker.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Weights of a plane ranker, float32.
    inputs : mapping of str to sequence of int or str
        Name and shape of each input.
    """

    def __init__(self, weights: Weights, inputs: Mapping[str, Shape]) -> None:
        super().__init__(inputs)
        self._weights = weights
        self._both_orders = bool(weights.get(BOTH_ORDERS, 1))

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

    def mix(self, planes: Neighbours, scale: int, stage: str) -> str:
        """Mix the features of a plane with their differences from both neighbours."""
        share = HALF if self._both_orders else np.float32(1)
        weight, bias = (
            share * self._weights[f"{stage}.{scale}.conv.{part}"] for part in ("weight", "bias")
        )
        of_even, of_odd = even_and_odd(weight)
        even, odd = self._both_parts(planes)
        even, odd = self.convolve(even, of_even, bias), self.convolve(odd, of_odd)
        if self._both_orders:
            mixed = self.node("Add", self._larger(even, odd), even)
        else:
            mixed = self.node("Relu", self.node("Add", even, odd))
        return self.node("Add", mixed, planes[1])

    def _both_parts(self, planes: Neighbours) -> tuple[str, str]:
        """Return a plane with the sum of its neighbours, and the difference of these."""
        before, here, after = planes
        around = self.node("Add", before, after)
        return self.node("Concat", here, around, axis=1), self.node("Sub", after, before)

    def _larger(self, even: str, odd: str) -> str:
        """Return the larger magnitude: |even + odd| / 2 + |even - odd| / 2."""
        return self.node("Max", self.node("Abs", even), self.node("Abs", odd))

    def subtract_local_mean(self, plane: str) -> str:
        """Return the detail of a plane."""
        side = [LOCAL_MEAN_PX] * 2
        blocks = self.node("AveragePool", plane, kernel_shape=side, strides=side)
        mean = self.upsample(self.mean_3x3(blocks), LOCAL_MEAN_PX)
        gain = self.constant(np.array(CONTRAST_GAIN, np.float32))
        return self.node("Mul", self.node("Sub", plane, mean), gain)

    def extract_features(self, detail: Neighbours) -> tuple[str, str, str]:
        """Return features at a quarter of the resolution, and two for the last stage."""
        own_filters, *edge_filters = merged_filters(self._weights)
        parts = zip(self._both_parts(detail), edge_filters, strict=True)
        even, odd = (self.convolve(part, filters, stride=2) for part, filters in parts)
        edges = (
            self._larger(even, odd)
            if self._both_orders
            else self.node("Abs", self.node("Add", even, odd))
        )
        own = self.log_energy(self.convolve(detail[1], own_filters, stride=2))
        energies = self.node("Concat", own, self.log_energy(edges), axis=1)
        texture = self.layer(energies, "energies")
        quarter = self.node("Add", self.layer(edges, "down.0", stride=2), texture)
        prior = self.mean_3x3(self.layer(own, "prior"))
        return quarter, self.layer(edges, "skip"), prior

    def encode_scales(self, quarter: str) -> list[str]:
        """Return the features of all scales, from those of the finest."""
        x, found = quarter, []
        for scale, count in enumerate(ENCODERS):
            if scale:
                x = self.layer(self.node("Relu", x), f"down.{scale}", stride=2)
            for block in range(count):
                x = self.residual(x, f"encode.{scale}.{block}")
            found.append(x)
        return found

    def mix_neighbours(self, levels: Sequence[Neighbours]) -> list[str]:
        """Compare features with those of the neighbouring planes, at each scale."""
        return [
            self.residual(self.mix(planes, scale, "first_mix"), f"between.{scale}")
            for scale, planes in enumerate(levels)
        ]

    def decode(self, levels: Sequence[Neighbours]) -> str:
        """Compare again, and sum from coarse to fine."""
        quarter, x, sixteenth = (
            self.mix(planes, scale, "second_mix") for scale, planes in enumerate(levels)
        )
        for scale, fine, coarse in ((2, x, sixteenth), (1, quarter, "")):
            up = self.layer(self.node("Relu", coarse or x), f"up.{scale}")
            x = self.node("Add", fine, self.upsample(up, 2))
        for block in range(2):
            x = self.residual(x, f"after.{block}")
        return self.layer(x, "up.0")

    def score(self, decoded: str, skip: str, prior: str) -> str:
        """Return both scores as channels, at the full resolution."""
        edges = self.node("Relu", self.node("Add", self.upsample(decoded, 2), skip))
        # The classical scores are those of all four pixels into which each one is unfolded.
        spread = np.repeat(np.eye(2, dtype=np.float32), 4, 0)[..., None, None]
        unfolded = self.convolve(self.upsample(prior, 2), spread)
        both = self.node("Add", self.layer(edges, "head"), unfolded)
        return self.node("DepthToSpace", both, blocksize=2, mode="CRD")


def even_and_odd(weight: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Split the weights (K, 3 C, 1, 1) of a plane and its differences from both neighbours.

    Returns
    -------
    ndarray of shape (K, 2 C, 1, 1)
        Weights of the plane and of the sum of its neighbours.
    ndarray of shape (K, C, 1, 1)
        Weights of the plane after, minus the one before.
    """
    here, one, other = np.split(weight, 3, 1)
    # A difference is linear: the weights of the planes themselves follow from its own.
    both = one + other
    return np.concatenate([here + both, -HALF * both], 1), HALF * (one - other)


def merged_filters(weights: Weights) -> tuple[Float32Array, ...]:
    """Return the filters of a plane's detail, and the even and the odd ones of edges.

    They take detail at full resolution: 3 x 3 over four phases equals 6 x 6 over pixels.

    Returns
    -------
    ndarray of shape (C, 1, 6, 6)
        Filters of one plane.
    ndarray of shape (C, 2, 6, 6)
        Filters of the plane and of the sum of its neighbours.
    ndarray of shape (C, 1, 6, 6)
        Filters of the plane after, minus the one before.
    """
    phases = weights["filters.weight"]
    count = phases.shape[0]
    own = phases.reshape(count, 2, 2, 3, 3).transpose(0, 3, 1, 4, 2).reshape(count, 1, 6, 6)
    even, odd = even_and_odd(weights["motion.weight"])
    here, around = (np.tensordot(part[..., 0, 0], own, 1) for part in np.split(even, 2, 1))
    return own, np.concatenate([here, around], 1), np.tensordot(odd[..., 0, 0], own, 1)
