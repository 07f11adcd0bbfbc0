"""The network that ranks planes, multiplied out for planes that arrive one after the other.

Its scores are those of `PlaneRanker` up to rounding, from fewer passes over memory: it is they
that take the time, not the convolutions. What is linear is done in one step, and what a plane
adds to its neighbours' features is computed once, when the plane arrives.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.network._plane_ranker import (
    DARKEST_ENERGY,
    NeighbourMixing,
    PlaneRanker,
    blur,
    enlarged,
)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution whose weights are ready for use."""

    weight: Tensor
    bias: Tensor | None = None
    stride: int = 1
    padding: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve (N, C, Y, X)."""
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


@dataclass(frozen=True, slots=True)
class PendingFeatures:
    """A plane's features while those of the plane after it are not known.

    Attributes
    ----------
    features : Tensor of shape (N, C, Y, X)
        Of the plane.
    found : Tensor of shape (N, C, Y, X)
        What it and the plane before it add; used up when the plane is mixed.
    to_next : Tensor of shape (N, C, Y, X)
        What it takes from the plane after it.
    """

    features: Tensor
    found: Tensor
    to_next: Tensor


class StreamingMixing:
    """A `NeighbourMixing`, taken apart by planes; a plane without a neighbour is its own."""

    def __init__(self, mixing: NeighbourMixing, prepare: "WeightLoader") -> None:
        weight = mixing.conv.weight
        here, from_before, from_after = torch.split(weight, weight.shape[0], 1)
        self._own = prepare(here + from_before + from_after, mixing.conv.bias)
        self._to_next, self._to_last = prepare(from_before), prepare(from_after)

    def first(self, features: Tensor) -> PendingFeatures:
        """Take the features (N, C, Y, X) of the first plane."""
        to_next = self._to_next(features)
        return PendingFeatures(features, self._own(features).sub_(to_next), to_next)

    def next(self, before: PendingFeatures, features: Tensor) -> PendingFeatures:
        """Take the features of the plane after another."""
        found = self._own(features).sub_(before.to_next)
        return PendingFeatures(features, found, self._to_next(features))

    def mixed(self, plane: PendingFeatures, after: Tensor) -> Tensor:
        """Return the features of a plane, mixed with those of the plane after it."""
        return plane.found.sub_(self._to_last(after)).relu_().add_(plane.features)


@dataclass(frozen=True, slots=True)
class FineFeatures:
    """What is kept of a plane until its neighbours are known, for the last stage.

    Attributes
    ----------
    skip : Tensor of shape (N, C, Y / 2, X / 2)
        Edges.
    prior : Tensor of shape (N, 2, Y / 4, X / 4), float32
        The classical scores.
    """

    skip: Tensor
    prior: Tensor


@dataclass(frozen=True, slots=True)
class WeightLoader:
    """Puts weights where and into what they are used."""

    device: torch.device
    dtype: torch.dtype

    def __call__(self, weight: Tensor, bias: Tensor | None = None, **layout: Any) -> Convolution:
        """Return a convolution with these weights."""
        ready = weight.detach().to(self.device, self.dtype)
        ready = ready.contiguous(memory_format=torch.channels_last)
        added = None if bias is None else bias.detach().to(self.device, self.dtype)
        return Convolution(ready, added, **layout)

    def module(self, conv: nn.Module) -> Convolution:
        """Return the same as a `Conv2d`."""
        assert isinstance(conv, nn.Conv2d)
        stride, padding = int(conv.stride[0]), conv.padding[0]
        assert isinstance(padding, int)
        return self(conv.weight, conv.bias, stride=stride, padding=padding)

    def residuals(self, modules: nn.Module) -> list[Convolution]:
        """Return the convolutions of some `Residual`."""
        return [self.module(m) for m in modules.modules() if isinstance(m, nn.Conv2d)]


class StreamingRanker:
    """Stages of a `PlaneRanker`, for inference.

    Parameters
    ----------
    model : PlaneRanker
        Read, never changed.
    device : torch.device
        Where to compute.
    half : bool
        Compute in bfloat16 where it does no harm.

    Attributes
    ----------
    mixings : pair of list of StreamingMixing
        Of the two comparisons with neighbouring planes, from fine to coarse scales.
    """

    def __init__(self, model: PlaneRanker, device: torch.device, *, half: bool) -> None:
        full = WeightLoader(device, torch.float32)
        prepare = WeightLoader(device, torch.bfloat16) if half else full
        self._dtype = prepare.dtype
        self._own, self._edges = _filters(model, full)
        own, shared = torch.chunk(model.energies.weight, 2, 1)
        self._energies = prepare(own, model.energies.bias), prepare(shared)
        self._prior = full.module(model.prior)
        self._down = [prepare.module(conv) for conv in model.down]
        self._skip = prepare.module(model.skip)
        self._encode = [prepare.residuals(level) for level in model.encode]
        self._between = [prepare.residuals(level) for level in model.between]
        self._up = [prepare.module(conv) for conv in model.up]
        self._after = prepare.residuals(model.after)
        self._head = prepare.module(model.head)
        self._detail = model.detail
        self.mixings = tuple(
            [
                StreamingMixing(mixing, prepare)
                for mixing in mixings
                if isinstance(mixing, NeighbourMixing)
            ]
            for mixings in (model.first_mix, model.second_mix)
        )

    def detail(self, planes: Tensor) -> Tensor:
        """Return planes (N, 1, Y, X) less their local mean."""
        return self._detail(planes)

    def perceive(self, before: Tensor, here: Tensor, after: Tensor) -> tuple[Tensor, FineFeatures]:
        """Turn detail (1, 1, Y, X) into edges and their energy, in sight of the planes next to it.

        A plane without a neighbour is its own. Returns features at a quarter of the resolution,
        and what the last stage needs.
        """
        edges = self._edges(torch.cat([before, here, after], 1)).abs_()
        shown = edges.to(self._dtype)
        quarter, skip = self._down[0](shown), self._skip(shown)
        own, shared = _log_energy(self._own(here)), _log_energy(edges)
        for energy, found in zip(self._energies, (own, shared), strict=True):
            quarter.add_(energy(found.to(self._dtype)))
        return quarter, FineFeatures(skip, blur(self._prior(own)))

    def deepen(self, quarter: Tensor) -> list[Tensor]:
        """Return features of each scale, from those of the finest."""
        levels = [_refined(quarter, self._encode[0])]
        for down, encode in zip(self._down[1:], self._encode[1:], strict=True):
            levels.append(_refined(down(F.relu(levels[-1])), encode))
        return levels

    def compare(self, mixed: list[Tensor]) -> list[Tensor]:
        """Refine features that were compared with those of the planes next to them."""
        return [
            _refined(level, between) for level, between in zip(mixed, self._between, strict=True)
        ]

    def sum_up(self, mixed: list[Tensor]) -> Tensor:
        """Sum up from coarse to fine, at a quarter of the resolution; `mixed` is used up."""
        quarter, eighth, sixteenth = mixed
        eighth.add_(enlarged(self._up[2](sixteenth.relu_()), 2))
        quarter.add_(enlarged(self._up[1](eighth.relu_()), 2))
        return self._up[0](_refined(quarter, self._after))

    def conclude(self, quarter: Tensor, fine: FineFeatures) -> Tensor:
        """Return scores (N, 2, Y, X), float32, from what was summed up and each pixel's edges."""
        edges = enlarged(quarter, 2).add_(fine.skip).relu_()
        scores = self._head(edges).float()
        prior = enlarged(fine.prior, 2)
        count, _, height, width = prior.shape
        both = scores.view(count, 2, -1, height, width).add_(prior[:, :, None])
        return F.pixel_shuffle(both.view(scores.shape), 2)


def _filters(model: PlaneRanker, prepare: WeightLoader) -> tuple[Convolution, Convolution]:
    """Return the filters of a plane's own detail, and those of edges in three planes.

    They take detail at full resolution: 3 x 3 over four phases are 6 x 6 over pixels.
    """
    phases = model.filters.weight
    count = phases.shape[0]
    own = phases.view(count, 2, 2, 3, 3).permute(0, 3, 1, 4, 2).reshape(count, 1, 6, 6)
    here, from_before, from_after = (
        torch.tensordot(part, own, 1)
        for part in torch.split(model.motion.weight[:, :, 0, 0], count, 1)
    )
    edges = torch.cat([-from_before, here + from_before + from_after, -from_after], 1)
    return prepare(own, stride=2, padding=2), prepare(edges, stride=2, padding=2)


def _refined(x: Tensor, convolutions: list[Convolution]) -> Tensor:
    """Add what each 3 x 3 convolution of the rectified features finds."""
    for convolution in convolutions:
        x = convolution(F.relu(x)).add_(x)
    return x


def _log_energy(responses: Tensor) -> Tensor:
    """Return the logarithm of the mean square of 2 x 2; the responses are used up."""
    return F.avg_pool2d(responses.square_(), 2).add_(DARKEST_ENERGY).log_()
