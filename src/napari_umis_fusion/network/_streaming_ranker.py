"""The plane ranker rearranged for inference on planes that arrive one after the other.

Its scores are those of `PlaneRanker` up to rounding, with fewer passes over memory, which take more
time than the convolutions: successive linear steps are merged into one.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.network._neighbours import split_weight
from napari_umis_fusion.network._plane_ranker import PlaneRanker, mean_3x3, upsample
from napari_umis_fusion.network._ranker_blocks import NeighbourMixing
from napari_umis_fusion.network._ranker_layout import DARKEST_ENERGY


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with weights in the dtype and on the device of the computation."""

    weight: Tensor
    bias: Tensor | None = None
    stride: int = 1
    padding: int = 0

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve (N, C, Y, X)."""
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding)


class StreamingMixing:
    """A `NeighbourMixing`; a missing neighbour is replaced by the plane itself."""

    def __init__(
        self, mixing: NeighbourMixing, prepare: "WeightLoader", *, both_orders: bool
    ) -> None:
        assert mixing.conv.bias is not None
        self._both_orders = both_orders
        share = 0.5 if both_orders else 1.0
        of_even, of_rise = split_weight(share * mixing.conv.weight)
        self._even, self._odd = prepare(of_even, share * mixing.conv.bias), prepare(of_rise)

    def __call__(self, before: Tensor, here: Tensor, after: Tensor) -> Tensor:
        """Return the features (N, C, Y, X) of a plane, mixed with those of its neighbours."""
        # Of similar planes, so that the differences are exact in bfloat16, too.
        excess = (here - before).add_(here - after)
        even = self._even(torch.cat([here, excess], 1))
        odd = self._odd(after - before)
        if not self._both_orders:
            return odd.add_(even).relu_().add_(here)
        return larger_magnitude(even, odd).add_(even).add_(here)


def larger_magnitude(even: Tensor, odd: Tensor) -> Tensor:
    """Return |even + odd| / 2 + |even - odd| / 2; `odd` is overwritten."""
    return torch.maximum(even.abs(), odd.abs_())


@dataclass(frozen=True, slots=True)
class FineFeatures:
    """Features of a plane that are kept for the last stage.

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
    """Converts weights to the device and dtype of the computation."""

    device: torch.device
    dtype: torch.dtype

    def __call__(self, weight: Tensor, bias: Tensor | None = None, **layout: Any) -> Convolution:
        """Return a convolution with these weights."""
        ready = weight.detach().to(self.device, self.dtype)
        ready = ready.contiguous(memory_format=torch.channels_last)
        added = None if bias is None else bias.detach().to(self.device, self.dtype)
        return Convolution(ready, added, **layout)

    def module(self, conv: nn.Module) -> Convolution:
        """Return a `Conv2d` as a convolution with its stride and padding."""
        assert isinstance(conv, nn.Conv2d)
        stride, padding = int(conv.stride[0]), conv.padding[0]
        assert isinstance(padding, int)
        return self(conv.weight, conv.bias, stride=stride, padding=padding)

    def residual_blocks(self, modules: nn.Module) -> list[Convolution]:
        """Return the convolutions of a sequence of residual blocks."""
        return [self.module(m) for m in modules.modules() if isinstance(m, nn.Conv2d)]


class StreamingRanker:
    """The stages of a `PlaneRanker`, for inference.

    Parameters
    ----------
    model : PlaneRanker
        Read, not changed.
    device : torch.device
        Device to compute on.
    half : bool
        Compute in bfloat16 where the precision suffices.

    Attributes
    ----------
    mixings : pair of list of StreamingMixing
        The first and the second comparison with neighbouring planes, from fine to coarse scales.
    """

    def __init__(self, model: PlaneRanker, device: torch.device, *, half: bool) -> None:
        # Filters and classical scores stay in full precision, as in `PlaneRanker.filter_detail`.
        full = WeightLoader(device, torch.float32)
        prepare = WeightLoader(device, torch.bfloat16) if half else full
        self._dtype = prepare.dtype
        self._both_orders = bool(model.both_orders)
        self._own, self._even, self._odd = _filters(model, full)
        own, shared = torch.chunk(model.energies.weight, 2, 1)
        self._energies = prepare(own, model.energies.bias), prepare(shared)
        self._prior = full.module(model.prior)
        self._down = [prepare.module(conv) for conv in model.down]
        self._skip = prepare.module(model.skip)
        self._encode = [prepare.residual_blocks(level) for level in model.encode]
        self._between = [prepare.residual_blocks(level) for level in model.between]
        self._up = [prepare.module(conv) for conv in model.up]
        self._after = prepare.residual_blocks(model.after)
        self._head = prepare.module(model.head)
        self._subtract_local_mean = model.subtract_local_mean
        self.mixings = tuple(
            [
                StreamingMixing(mixing, prepare, both_orders=self._both_orders)
                for mixing in mixings
                if isinstance(mixing, NeighbourMixing)
            ]
            for mixings in (model.first_mix, model.second_mix)
        )

    def subtract_local_mean(self, planes: Tensor) -> Tensor:
        """Return planes (N, 1, Y, X) less their local mean."""
        return self._subtract_local_mean(planes)

    def extract_features(
        self, before: Tensor, here: Tensor, after: Tensor
    ) -> tuple[Tensor, FineFeatures]:
        """Return features of detail (1, 1, Y, X), compared with that of both neighbours.

        A missing neighbour is replaced by the plane itself. Returns features at a quarter of the
        resolution, and those for the last stage.
        """
        even = self._even(torch.cat([here, before + after], 1))
        odd = self._odd(after - before)
        edges = larger_magnitude(even, odd) if self._both_orders else odd.add_(even).abs_()
        shown = edges.to(self._dtype)
        quarter, skip = self._down[0](shown), self._skip(shown)
        own, shared = _log_energy(self._own(here)), _log_energy(edges)
        for energy, found in zip(self._energies, (own, shared), strict=True):
            quarter.add_(energy(found.to(self._dtype)))
        return quarter, FineFeatures(skip, mean_3x3(self._prior(own)))

    def encode_scales(self, quarter: Tensor) -> list[Tensor]:
        """Return the features of all scales, from those of the finest."""
        levels = [_refined(quarter, self._encode[0])]
        for down, encode in zip(self._down[1:], self._encode[1:], strict=True):
            levels.append(_refined(down(F.relu(levels[-1])), encode))
        return levels

    def mix_neighbours(self, mixed: list[Tensor]) -> list[Tensor]:
        """Refine features after they were mixed with those of neighbouring planes."""
        return [
            _refined(level, between) for level, between in zip(mixed, self._between, strict=True)
        ]

    def decode(self, mixed: list[Tensor]) -> Tensor:
        """Sum from coarse to fine, at a quarter of the resolution; `mixed` is overwritten."""
        quarter, eighth, sixteenth = mixed
        eighth.add_(upsample(self._up[2](sixteenth.relu_()), 2))
        quarter.add_(upsample(self._up[1](eighth.relu_()), 2))
        return self._up[0](_refined(quarter, self._after))

    def score(self, quarter: Tensor, fine: FineFeatures) -> Tensor:
        """Return scores (N, 2, Y, X), float32, from decoded features and those of fine scales."""
        edges = upsample(quarter, 2).add_(fine.skip).relu_()
        scores = self._head(edges).float()
        prior = upsample(fine.prior, 2)
        count, _, height, width = prior.shape
        both = scores.view(count, 2, -1, height, width).add_(prior[:, :, None])
        return F.pixel_shuffle(both.view(scores.shape), 2)


def _filters(model: PlaneRanker, prepare: WeightLoader) -> tuple[Convolution, ...]:
    """Return the filters of a plane's detail, and those of edges.

    They take detail at full resolution: 3 x 3 over four phases equals 6 x 6 over pixels. Those of
    edges take a plane and the sum of its neighbours, and the difference of these.
    """
    phases = model.filters.weight
    count = phases.shape[0]
    own = phases.view(count, 2, 2, 3, 3).permute(0, 3, 1, 4, 2).reshape(count, 1, 6, 6)
    of_even, of_rise = split_weight(model.motion.weight)
    here, excess, rise = (
        torch.tensordot(part[:, :, 0, 0], own, 1)
        for part in (*torch.split(of_even, count, 1), of_rise)
    )
    even = torch.cat([here + 2 * excess, -excess], 1)
    return tuple(prepare(filters, stride=2, padding=2) for filters in (own, even, rise))


def _refined(x: Tensor, convolutions: list[Convolution]) -> Tensor:
    """Apply residual blocks."""
    for convolution in convolutions:
        x = convolution(F.relu(x)).add_(x)
    return x


def _log_energy(responses: Tensor) -> Tensor:
    """Return the logarithm of the mean square over 2 x 2 pixels; `responses` is overwritten."""
    return F.avg_pool2d(responses.square_(), 2).add_(DARKEST_ENERGY).log_()
