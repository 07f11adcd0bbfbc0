"""The network that ranks planes: which is sharpest at each pixel, and how much each should weigh.

It sees a plane together with its neighbours along z, so it can tell an edge in focus from the
blurred veil of a nearer one, and detail from noise. Only magnitudes of filter responses go on
from the first layers: turning dark into bright changes no score.

Scores are logarithms, comparable between the planes of a pixel and nothing else: the softmax
along z is a share.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

WIDTHS = (16, 32, 48, 64)
"""Channels at a half, a quarter, an eighth and a sixteenth of the resolution."""

ENCODERS = (1, 2, 2)
"""Convolutions of a plane's own features at each of the coarser scales."""

STRIDE_PX = 16
"""Planes are padded to multiples of it."""

REACH_PX = 144
"""Pixels further away do not change a score; a multiple of `STRIDE_PX`."""

REACH_PLANES = 3
"""Planes before and after that a score depends on."""

LOCAL_MEAN_PX = 8
"""Brightness is taken relative to the mean of about three times this."""

CONTRAST_GAIN = 10.0
"""Brings texture of planes that span 0 to 1 to the order of one."""

DARKEST_ENERGY = 1e-3
"""Keeps the logarithm of no contrast at bay; the square of about a grey level of 8 bits."""

HEAD_WIDTH = 16
"""Channels that are kept at half the resolution until the last stage."""

FeaturePyramid = tuple[Tensor, Tensor, Tensor]
"""Features at a quarter, an eighth and a sixteenth of the resolution."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the network says of each pixel of each plane; see the module.

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
        """Return the same in another shape."""
        return type(self)(self.select.view(shape), self.weigh.view(shape))


@dataclass(frozen=True, slots=True)
class NeighbourFeatures:
    """Features of planes, and how they differ from those before and after; 0 where there is none.

    Attributes
    ----------
    here, from_before, from_after : Tensor of shape (N, C, Y, X)
        Differences are here minus neighbour.
    """

    here: Tensor
    from_before: Tensor
    from_after: Tensor

    def stacked(self) -> Tensor:
        """Return all as channels: (N, 3 C, Y, X)."""
        return torch.cat([self.here, self.from_before, self.from_after], 1)


@dataclass(frozen=True, slots=True)
class PlaneFeatures:
    """What is kept of a plane until its neighbours are known.

    Attributes
    ----------
    quarter : Tensor of shape (N, C, Y / 4, X / 4)
        Features of the finest scale that is compared.
    skip : Tensor of shape (N, HEAD_WIDTH, Y / 2, X / 2)
        Edges, for the last stage.
    prior : Tensor of shape (N, 2, Y / 4, X / 4)
        The classical scores.
    """

    quarter: Tensor
    skip: Tensor
    prior: Tensor


class Residual(nn.Module):
    """Adds what a 3 x 3 convolution of the rectified features finds."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (N, C, Y, X)."""
        found: Tensor = self.conv(F.relu(x))
        return x + found


def residuals(channels: int, count: int) -> nn.Sequential:
    """Return some of them in a row."""
    return nn.Sequential(*(Residual(channels) for _ in range(count)))


class NeighbourMixing(nn.Module):
    """Adds what the neighbours along z tell: features, and their differences to either side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3 * channels, channels, 1)

    def forward(self, features: "NeighbourFeatures") -> Tensor:
        """Return features of the same shape."""
        return features.here + F.relu(self.conv(features.stacked()))


class PlaneRanker(nn.Module):
    """Scores planes, each in sight of `REACH_PLANES` before and after it.

    Stages follow each other. `perceive`, `compare` and `sum_up` take what the stages before made of
    a plane, and how that differs from its two neighbours; the others look at one plane.
    """

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth, _ = WIDTHS
        levels = WIDTHS[1:]
        self.filters = nn.Conv2d(4, half, 3, padding=1, bias=False)
        self.motion = nn.Conv2d(3 * half, half, 1, bias=False)
        self.energies = nn.Conv2d(2 * half, quarter, 1)
        self.down = nn.ModuleList(
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
            for fine, coarse in zip(WIDTHS[:-1], levels, strict=True)
        )
        self.encode = nn.ModuleList(
            residuals(width, count) for width, count in zip(levels, ENCODERS, strict=True)
        )
        self.first_mix = nn.ModuleList(NeighbourMixing(width) for width in levels)
        self.between = nn.ModuleList(Residual(width) for width in levels)
        self.second_mix = nn.ModuleList(NeighbourMixing(width) for width in levels)
        self.up = nn.ModuleList(
            nn.Conv2d(coarse, fine, 1)
            for fine, coarse in zip((HEAD_WIDTH, quarter, eighth), levels, strict=True)
        )
        self.after = residuals(quarter, 2)
        self.skip = nn.Conv2d(half, HEAD_WIDTH, 1)
        self.head = nn.Conv2d(HEAD_WIDTH, 2 * 2**2, 3, padding=1)  # two scores of 2 x 2 pixels
        self.prior = nn.Conv2d(half, 2, 1, bias=False)
        self._start_classical()

    def _start_classical(self) -> None:
        """Start as the logarithm of the energy of detail, to which training adds."""
        nn.init.constant_(self.prior.weight, 3 / WIDTHS[0])
        if not self.head.weight.is_meta:  # where torch would load its compiler for it
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
        batch, count, height, width = planes.shape

        def in_sight(x: Tensor) -> NeighbourFeatures:
            rise = x.view(batch, count, *x.shape[1:]).diff(dim=1)
            nothing = (0, 0) * (x.ndim - 1)
            before = F.pad(rise, (*nothing, 1, 0)).flatten(0, 1)
            return NeighbourFeatures(x, before, F.pad(-rise, (*nothing, 0, 1)).flatten(0, 1))

        detail = self.detail(planes.reshape(batch * count, 1, height, width))
        percept = self.perceive(in_sight(self.respond(detail)))
        compared = self.compare([in_sight(level) for level in self.deepen(percept.quarter)])
        quarter = self.sum_up([in_sight(level) for level in compared])
        scores = self.conclude(quarter, percept.skip, percept.prior)
        return scores.of_stacks(batch, count, height, width)

    def detail(self, planes: Tensor) -> Tensor:
        """Return planes (N, 1, Y, X) less their local mean."""
        planes = planes.float()
        return CONTRAST_GAIN * (planes - _local_mean(planes))

    def respond(self, detail: Tensor) -> Tensor:
        """Filter detail (N, 1, Y, X), to (N, C, Y / 2, X / 2)."""
        with torch.autocast(detail.device.type, enabled=False):
            phases = F.pixel_unshuffle(detail, 2).contiguous(memory_format=torch.channels_last)
            responses: Tensor = self.filters(phases)
            return responses

    def perceive(self, responses: NeighbourFeatures) -> PlaneFeatures:
        """Turn responses into edges and their energy, in sight of the planes next to them."""
        with torch.autocast(responses.here.device.type, enabled=False):
            edges = self.motion(responses.stacked()).abs()
            own, shared = _log_energy(responses.here), _log_energy(edges)
            energies = self.energies(torch.cat([own, shared], 1))
            prior = self.prior(blur(own))
        return PlaneFeatures(energies + self.down[0](edges), self.skip(edges), prior)

    def deepen(self, quarter: Tensor) -> FeaturePyramid:
        """Return features of each scale, from those of the finest."""
        quarter = self.encode[0](quarter)
        eighth = self.encode[1](self.down[1](F.relu(quarter)))
        return quarter, eighth, self.encode[2](self.down[2](F.relu(eighth)))

    def compare(self, levels: list[NeighbourFeatures]) -> FeaturePyramid:
        """Compare features with those of the planes next to them, scale by scale."""
        mixed = (mix(level) for mix, level in zip(self.first_mix, levels, strict=True))
        quarter, eighth, sixteenth = (
            refine(level) for refine, level in zip(self.between, mixed, strict=True)
        )
        return quarter, eighth, sixteenth

    def sum_up(self, levels: list[NeighbourFeatures]) -> Tensor:
        """Compare once more and sum up from coarse to fine, at a quarter of the resolution."""
        quarter, eighth, sixteenth = (
            mix(level) for mix, level in zip(self.second_mix, levels, strict=True)
        )
        eighth = eighth + enlarged(self.up[2](F.relu(sixteenth)), 2)
        summed: Tensor = self.after(quarter + enlarged(self.up[1](F.relu(eighth)), 2))
        return summed

    def conclude(self, quarter: Tensor, skip: Tensor, prior: Tensor) -> Scores:
        """Return scores (N, Y, X) from what was summed up and what each pixel shows."""
        fine = F.relu(enlarged(self.up[0](quarter), 2) + skip)
        scores = self.head(fine).float() + enlarged(prior, 2).repeat_interleave(4, 1)
        return Scores(*F.pixel_shuffle(scores, 2).unbind(1))


def _local_mean(planes: Tensor) -> Tensor:
    """Return the mean around each pixel of (N, 1, Y, X), smooth from block to block."""
    blocks = F.avg_pool2d(planes, LOCAL_MEAN_PX)
    return enlarged(blur(blocks), LOCAL_MEAN_PX)


def blur(x: Tensor) -> Tensor:
    """Return the mean over 3 x 3."""
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _log_energy(responses: Tensor) -> Tensor:
    """Return the logarithm of the mean square of 2 x 2."""
    return torch.log(F.avg_pool2d(responses.float() ** 2, 2) + DARKEST_ENERGY)


def enlarged(x: Tensor, factor: int) -> Tensor:
    """Return (N, C, Y, X) with so many times the resolution."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
