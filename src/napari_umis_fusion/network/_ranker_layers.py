"""The layers of the plane ranker as operators of ONNX, shared by all graphs of it.

They compute what `PlaneRanker` and `StreamingRanker` compute, from the same weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.network._onnx_graph import Attribute, OnnxGraph, Shape, plane_shape
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
"""Values of a plane, of the sum of both neighbours, and of the plane after, less the one before."""


@dataclass(frozen=True, slots=True)
class _Size:
    """Channels of a value, and pixels along y and x for one of its values."""

    channels: int
    px: int


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
        self._sizes: dict[str, _Size] = {}

    def place(self, name: str, channels: int, px: int) -> str:
        """Say how many channels a value has, and pixels along y and x for one of its values.

        ONNX infers no lengths of convolutions of planes of any size. ONNX Runtime adds to a
        convolution, in one go with it, what it knows to be as large.
        """
        self._sizes[name] = _Size(channels, px)
        self.describe(name, plane_shape(f"of_{px}", channels))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """Add an operator, whose result is on the grid of its first input."""
        name = super().node(operator, *inputs, **attributes)
        if inputs[0] in self._sizes:
            self._sizes[name] = self._sizes[inputs[0]]
        return name

    def convolve(
        self, x: str, weight: Float32Array, bias: Float32Array | None = None, stride: int = 1
    ) -> str:
        """Convolve; the padding keeps the number of pixels, divided by the stride."""
        side = weight.shape[2]
        pad = (side - stride) // 2 if side % 2 == 0 else side // 2
        given = [self.constant(one) for one in (weight, bias) if one is not None]
        found = self.node("Conv", x, *given, strides=[stride] * 2, pads=[pad] * 4, group=1)
        return self._resized(found, weight.shape[0], stride)

    def _resized(self, found: str, channels: int | None = None, stride: float = 1) -> str:
        """Place a result of other channels, or at a coarser resolution than the first input's."""
        size = self._sizes.get(found)
        if size is None:
            return found
        return self.place(found, channels or size.channels, int(size.px * stride))

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
        return self._resized(self.node("Resize", x, "", scales, mode="linear"), None, 1 / factor)

    def mean_3x3(self, x: str) -> str:
        """Return the mean over 3 x 3 pixels; at the edges, the nearest values continue."""
        pads = self.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
        wide = self.node("Pad", x, pads, mode="edge")
        return self.node("AveragePool", wide, kernel_shape=[3, 3], strides=[1, 1])

    def log_energy(self, x: str) -> str:
        """Return the logarithm of the mean square over 2 x 2 pixels."""
        square = self.node("Mul", x, x)
        mean = self.node("AveragePool", square, kernel_shape=[2, 2], strides=[2, 2])
        mean = self._resized(mean, None, 2)
        darkest = self.constant(np.array(DARKEST_ENERGY, np.float32))
        return self.node("Log", self.node("Add", mean, darkest))

    def mix(self, planes: Neighbours, scale: int, stage: str) -> str:
        """Mix the features of a plane with their differences from both neighbours."""
        share = HALF if self._both_orders else np.float32(1)
        weight, bias = (
            share * self._weights[f"{stage}.{scale}.conv.{part}"] for part in ("weight", "bias")
        )
        here, around, odd = split_by_order(weight)
        even = self._sum_convolved(planes[:2], (here, around), bias)
        first, *second = self._orders(even, planes[2], odd)
        return self._sum(first, *second, planes[0])

    def _orders(self, even: str, rise: str, odd: Float32Array, stride: int = 1) -> list[str]:
        """Rectify the sum of an even and an odd part, and their difference if both orders count.

        As sums of convolutions that are rectified, which ONNX Runtime computes in one go.
        """
        signs = (1, -1) if self._both_orders else (1,)
        parts = [self.convolve(rise, np.float32(sign) * odd, stride=stride) for sign in signs]
        return [self.node("Relu", self.node("Add", part, even)) for part in parts]

    def _sum_convolved(
        self,
        inputs: Sequence[str],
        weights: Sequence[Float32Array],
        bias: Float32Array | None = None,
        stride: int = 1,
    ) -> str:
        """Sum the convolutions of several inputs."""
        first, *others = zip(inputs, weights, strict=True)
        parts = [self.convolve(*first, bias, stride)]
        parts += [self.convolve(*other, stride=stride) for other in others]
        return self._sum(*parts)

    def _sum(self, first: str, *others: str) -> str:
        for other in others:
            first = self.node("Add", first, other)
        return first

    def subtract_local_mean(self, plane: str) -> str:
        """Return the detail of a plane."""
        side = [LOCAL_MEAN_PX] * 2
        blocks = self.node("AveragePool", plane, kernel_shape=side, strides=side)
        blocks = self._resized(blocks, None, LOCAL_MEAN_PX)
        mean = self.upsample(self.mean_3x3(blocks), LOCAL_MEAN_PX)
        gain = self.constant(np.array(CONTRAST_GAIN, np.float32))
        return self.node("Mul", self.node("Sub", plane, mean), gain)

    def extract_features(self, detail: Neighbours) -> tuple[str, str, str]:
        """Return features at a quarter of the resolution, and two for the last stage."""
        own_filters, *even_filters, odd = merged_filters(self._weights)
        even = self._sum_convolved(detail[:2], even_filters, stride=2)
        edges = self._magnitude(even, detail[2], odd)
        own = self.log_energy(self.convolve(detail[0], own_filters, stride=2))
        energies = self.node("Concat", own, self.log_energy(edges), axis=1)
        texture = self.layer(energies, "energies")
        quarter = self.node("Add", self.layer(edges, "down.0", stride=2), texture)
        prior = self.mean_3x3(self.layer(own, "prior"))
        return self.encode(quarter, 0), edges, prior

    def _magnitude(self, even: str, rise: str, odd: Float32Array) -> str:
        """Return the mean magnitude of the sum and the difference of an even and an odd part."""
        if not self._both_orders:
            part = self.convolve(rise, odd, stride=2)
            return self.node("Abs", self.node("Add", even, part))
        # (|a| + |b|) / 2 = max(a, 0) + max(b, 0) - (a + b) / 2
        less = self.convolve(even, -np.eye(odd.shape[0], dtype=np.float32)[..., None, None])
        return self._sum(*self._orders(even, rise, odd, stride=2), less)

    def encode(self, x: str, scale: int) -> str:
        """Return the features of a scale, from those of the finer one."""
        if scale:
            x = self.layer(self.node("Relu", x), f"down.{scale}", stride=2)
        for block in range(ENCODERS[scale]):
            x = self.residual(x, f"encode.{scale}.{block}")
        return x

    def encode_coarser(self, quarter: str) -> tuple[str, str]:
        """Return the features of the coarser scales, from those of the finest."""
        eighth = self.encode(quarter, 1)
        return eighth, self.encode(eighth, 2)

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


def split_by_order(weight: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Split the weights (K, 3 C, 1, 1) of a plane and its differences from both neighbours.

    Returns
    -------
    ndarray of shape (K, C, 1, 1)
        Weights of the plane.
    ndarray of shape (K, C, 1, 1)
        Weights of the sum of its neighbours.
    ndarray of shape (K, C, 1, 1)
        Weights of the plane after, minus the one before.
    """
    here, one, other = np.split(weight, 3, 1)
    # A difference is linear: the weights of the planes themselves follow from its own.
    both = one + other
    return here + both, -HALF * both, HALF * (one - other)


def merged_filters(weights: Weights) -> tuple[Float32Array, ...]:
    """Return the filters of a plane's detail, and the even and the odd ones of edges.

    They take detail at full resolution: 3 x 3 over four phases equals 6 x 6 over pixels.

    Returns
    -------
    tuple of ndarray of shape (C, 1, 6, 6)
        Filters of one plane; of edges, for the plane, for the sum of its neighbours, and for the
        plane after, minus the one before.
    """
    phases = weights["filters.weight"]
    count = phases.shape[0]
    own = phases.reshape(count, 2, 2, 3, 3).transpose(0, 3, 1, 4, 2).reshape(count, 1, 6, 6)
    parts = split_by_order(weights["motion.weight"])
    return own, *(np.tensordot(part[..., 0, 0], own, 1) for part in parts)
