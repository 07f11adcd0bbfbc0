"""The plane ranker: a network that scores planes for copying and for averaging.

It compares a plane with its neighbours along z, so that it can distinguish an edge in focus from
the defocused light of a nearer object, and detail from noise. Later layers see only magnitudes of
filter responses: inverting the contrast changes no score. Nor does it matter at which end of the
stack it begins: both neighbours of a plane may change places.

Scores are logarithms of shares (their softmax along z): they compare the planes of one pixel, and
say nothing about other pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.network._neighbours import NeighbourFeatures, split_weight
from napari_umis_fusion.network._ranker_blocks import NeighbourMixing, Residual, residual_blocks
from napari_umis_fusion.network._ranker_layout import (
    BOTH_ORDERS,
    CONTRAST_GAIN,
    DARKEST_ENERGY,
    ENCODERS,
    HEAD_WIDTH,
    LOCAL_MEAN_PX,
    WIDTHS,
)

FeaturePyramid = tuple[Tensor, Tensor, Tensor]
"""Features at a quarter, an eighth and a sixteenth of the resolution."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of each pixel of each plane; see the module.

    Attributes
    ----------
    select : Tensor of shape (..., Y, X)
        Score for copying values from the sharpest plane.
    weigh : Tensor of shape (..., Y, X)
        Score for the weighted mean.
    """

    select: Tensor
    weigh: Tensor

    def of_stacks(self, *shape: int) -> Self:
        """Return the scores in another shape."""
        return type(self)(self.select.view(shape), self.weigh.view(shape))


@dataclass(frozen=True, slots=True)
class PlaneFeatures:
    """Features of a plane at fine scales.

    Attributes
    ----------
    quarter : Tensor of shape (N, C, Y / 4, X / 4)
        Features of the finest scale that is compared between planes.
    skip : Tensor of shape (N, HEAD_WIDTH, Y / 2, X / 2)
        Edges, for the last stage.
    prior : Tensor of shape (N, 2, Y / 4, X / 4)
        The classical scores, to which the network adds.
    """

    quarter: Tensor
    skip: Tensor
    prior: Tensor


@dataclass(frozen=True, slots=True)
class ComparedPlanes:
    """What the late layers take: planes that were compared with their neighbours once.

    Attributes
    ----------
    levels : tuple of Tensor of shape (N, C, Y / S, X / S)
        Features at a quarter, an eighth and a sixteenth of the resolution.
    skip, prior : Tensor
        As in `PlaneFeatures`.
    """

    levels: FeaturePyramid
    skip: Tensor
    prior: Tensor


class PlaneRanker(nn.Module):
    """Scores planes, each compared with `REACH_PLANES` planes before and after it.

    The methods are its stages, in order. `extract_features`, `mix_neighbours` and `decode` take
    the result of the previous stage with its differences from both neighbours along z; the others
    process single planes.

    Its buffer `both_orders` is part of the weights: 1 if the scores are alike from either end of a
    stack, 0 for weights of before, which were trained to one order of the planes.
    """

    both_orders: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer(BOTH_ORDERS, torch.ones(1))
        half, quarter, eighth, _ = WIDTHS
        levels = WIDTHS[1:]
        # Without bias, so that inverting the contrast only changes the sign of responses.
        self.filters = nn.Conv2d(4, half, 3, padding=1, bias=False)
        self.motion = nn.Conv2d(3 * half, half, 1, bias=False)
        self.energies = nn.Conv2d(2 * half, quarter, 1)
        self.down = nn.ModuleList(
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
            for fine, coarse in zip(WIDTHS[:-1], levels, strict=True)
        )
        self.encode = nn.ModuleList(
            residual_blocks(width, count) for width, count in zip(levels, ENCODERS, strict=True)
        )
        self.first_mix = nn.ModuleList(NeighbourMixing(width) for width in levels)
        self.between = nn.ModuleList(Residual(width) for width in levels)
        self.second_mix = nn.ModuleList(NeighbourMixing(width) for width in levels)
        self.up = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1)
            for fine, coarse in zip((HEAD_WIDTH, quarter, eighth), levels, strict=True)
        )
        self.after = residual_blocks(quarter, 2)
        self.skip = nn.Conv2d(half, HEAD_WIDTH, 1)
        self.head = nn.Conv2d(HEAD_WIDTH, 2 * 2**2, 3, padding=1)  # two scores of 2 x 2 pixels
        self.prior = nn.Conv2d(half, 2, 1, bias=False)
        self._start_classical()

    def _start_classical(self) -> None:
        """Set the initial weights: scores are then the logarithm of the energy of detail."""
        nn.init.constant_(self.prior.weight, 3 / WIDTHS[0])
        # On the meta device, torch would import its compiler for this.
        if not self.head.weight.is_meta:
            # Small, but not 0: gradients must reach the layers before it.
            nn.init.normal_(self.head.weight, 0, 0.01)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, planes: Tensor) -> Scores:
        """Score whole stacks.

        Parameters
        ----------
        planes : Tensor of shape (N, Z, Y, X)
            Each stack spans about 0 to 1; Y and X are multiples of `STRIDE_PX`.

        Returns
        -------
        Scores
            Each of shape (N, Z, Y, X), float32.
        """
        return self.decide(self.compare(planes), planes.shape)

    def compare(self, planes: Tensor) -> ComparedPlanes:
        """Compare the planes of stacks (N, Z, Y, X) with their neighbours, but for the last time.

        These are all layers but those in `LATE_LAYERS`.
        """
        batch, count, height, width = planes.shape
        detail = self.subtract_local_mean(planes.reshape(batch * count, 1, height, width))
        phases = NeighbourFeatures.of_stacks(split_phases(detail), count)
        features = self.extract_features(phases)
        levels = self.encode_scales(features.quarter)
        compared = self.mix_neighbours([NeighbourFeatures.of_stacks(x, count) for x in levels])
        return ComparedPlanes(compared, features.skip, features.prior)

    def decide(self, compared: ComparedPlanes, shape: Sequence[int]) -> Scores:
        """Return the scores of stacks of a shape (N, Z, Y, X), from what `compare` returned."""
        levels = [NeighbourFeatures.of_stacks(level, shape[1]) for level in compared.levels]
        return self.score(self.decode(levels), compared.skip, compared.prior).of_stacks(*shape)

    def subtract_local_mean(self, planes: Tensor) -> Tensor:
        """Return planes (N, 1, Y, X) less their local mean."""
        planes = planes.float()
        return CONTRAST_GAIN * (planes - _local_mean(planes))

    def extract_features(self, phases: NeighbourFeatures) -> PlaneFeatures:
        """Return edges and their energies, from detail (`split_phases`) with the neighbours'."""
        # In full precision also under autocast, since small differences between planes follow.
        with torch.autocast(phases.here.device.type, enabled=False):
            own, even, odd = (
                F.conv2d(part, filters, padding=1)
                for part, filters in zip(
                    (phases.here, phases.even, phases.rise), self.merged_filters(), strict=True
                )
            )
            one = even + odd
            other = even - odd if self.both_orders else one
            edges = one.abs() + other.abs()
            own_energy, shared = _log_energy(own), _log_energy(edges)
            energies = self.energies(torch.cat([own_energy, shared], 1))
            prior = self.prior(mean_3x3(own_energy))
        return PlaneFeatures(energies + self.down[0](edges), self.skip(edges), prior)

    def merged_filters(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return filters (C, 4, 3, 3) of a plane, and the even and the odd ones of edges, halved.

        Both are linear: in one step, a quarter as many numbers are compared.
        """
        own = self.filters.weight
        of_even, of_rise = (w[..., 0, 0] for w in split_weight(self.motion.weight / 2))
        parts = [torch.tensordot(part, own, 1) for part in (*of_even.chunk(2, 1), of_rise)]
        return own, torch.cat(parts[:2], 1), parts[2]

    def encode_scales(self, quarter: Tensor) -> FeaturePyramid:
        """Return the features of all scales, from those of the finest."""
        quarter = self.encode[0](quarter)
        eighth = self.encode[1](self.down[1](F.relu(quarter)))
        return quarter, eighth, self.encode[2](self.down[2](F.relu(eighth)))

    def mix_neighbours(self, levels: list[NeighbourFeatures]) -> FeaturePyramid:
        """Compare features with those of the neighbouring planes, at each scale."""
        mixed = self._mix(self.first_mix, levels)
        quarter, eighth, sixteenth = (
            refine(level) for refine, level in zip(self.between, mixed, strict=True)
        )
        return quarter, eighth, sixteenth

    def _mix(self, mixings: nn.ModuleList, levels: list[NeighbourFeatures]) -> list[Tensor]:
        both = bool(self.both_orders)
        pairs = zip(mixings, levels, strict=True)
        return [mix(level, both_orders=both) for mix, level in pairs]

    def decode(self, levels: list[NeighbourFeatures]) -> Tensor:
        """Compare again, and sum from coarse to fine, at a quarter of the resolution."""
        quarter, eighth, sixteenth = self._mix(self.second_mix, levels)
        eighth = eighth + upsample(self.up[2](F.relu(sixteenth)), 2)
        summed: Tensor = self.after(quarter + upsample(self.up[1](F.relu(eighth)), 2))
        return summed

    def score(self, quarter: Tensor, skip: Tensor, prior: Tensor) -> Scores:
        """Return scores (N, Y, X) from the decoded features, the edges and the classical scores."""
        fine = F.relu(upsample(self.up[0](quarter), 2) + skip)
        # The classical scores are those of all four pixels into which each one is unfolded.
        scores = self.head(fine).float() + upsample(prior, 2).repeat_interleave(4, 1)
        return Scores(*F.pixel_shuffle(scores, 2).unbind(1))


def split_phases(detail: Tensor) -> Tensor:
    """Return detail (N, 1, Y, X) as four phases of half the resolution, (N, 4, Y / 2, X / 2)."""
    return F.pixel_unshuffle(detail, 2).contiguous(memory_format=torch.channels_last)


def _local_mean(planes: Tensor) -> Tensor:
    """Return the local mean of (N, 1, Y, X), interpolated between blocks."""
    blocks = F.avg_pool2d(planes, LOCAL_MEAN_PX)
    return upsample(mean_3x3(blocks), LOCAL_MEAN_PX)


def mean_3x3(x: Tensor) -> Tensor:
    """Return the mean over 3 x 3 pixels."""
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _log_energy(responses: Tensor) -> Tensor:
    """Return the logarithm of the mean square over 2 x 2 pixels."""
    return torch.log(F.avg_pool2d(responses.float() ** 2, 2) + DARKEST_ENERGY)


def upsample(x: Tensor, factor: int) -> Tensor:
    """Return (N, C, Y, X) upsampled by a factor, bilinearly."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
