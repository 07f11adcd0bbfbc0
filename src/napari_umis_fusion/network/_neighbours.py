"""Features of planes, compared with those of both neighbours along z, whichever comes first.

No score may depend on the end at which a stack begins. What a layer computes is therefore split
into a part that stays as it is when both neighbours change places, and one that changes its sign:
sum and difference of both are the two orders, of which the mean counts after each rectification.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class NeighbourFeatures:
    """Features of planes, and how they change along z; a missing neighbour counts as equal.

    Attributes
    ----------
    here : Tensor of shape (N, C, Y, X)
        Features of the planes of all stacks.
    even : Tensor of shape (N, 2 C, Y, X)
        The features, and by how much they exceed those of both neighbours together.
    rise : Tensor of shape (N, C, Y, X)
        The features of the plane after, minus those of the plane before.
    """

    here: Tensor
    even: Tensor
    rise: Tensor

    @classmethod
    def of_stacks(cls, features: Tensor, planes: int) -> Self:
        """Compare the features (N, C, Y, X) of stacks of `planes` planes each."""
        # Whether it is typed depends on the version of torch.
        compared = _Compared.apply(features, planes)  # type: ignore[no-untyped-call, unused-ignore]
        return cls(features, *compared)


class _Compared(torch.autograd.Function):
    """Fills two tensors with features and their changes.

    Concatenating padded differences, and their gradients, took a third of a training step: each
    was copied several times, and in another memory format than the convolution's.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, planes: int) -> tuple[Tensor, Tensor]:
        count, width, *size = features.shape
        ctx.planes = planes
        even, rise = (
            torch.empty(
                (count, channels, *size),
                dtype=features.dtype,
                device=features.device,
                memory_format=torch.channels_last,
            )
            for channels in (2 * width, width)
        )
        here, excess = torch.split(even.view(-1, planes, 2 * width, *size), width, 2)
        by_plane = features.view(-1, planes, width, *size)
        rises = rise.view(-1, planes, width, *size)
        here.copy_(by_plane)
        step = by_plane[:, 1:] - by_plane[:, :-1]
        rises[:, -1] = excess[:, 0] = 0
        rises[:, :-1] = step
        rises[:, 1:] += step
        excess[:, 1:] = step
        excess[:, :-1] -= step
        return even, rise

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        of_even, of_rise = gradients
        _, width, *size = of_rise.shape
        excess = of_even.reshape(-1, ctx.planes, 2 * width, *size)[:, :, width:]
        rises = of_rise.reshape(-1, ctx.planes, width, *size)
        total = of_even[:, :width].clone(memory_format=torch.channels_last)
        summed = total.view(-1, ctx.planes, width, *size)
        # The step from each plane to the next is in the changes of both.
        step = excess[:, 1:] - excess[:, :-1]
        step += rises[:, 1:]
        step += rises[:, :-1]
        summed[:, 1:] += step
        summed[:, :-1] -= step
        return total, None


def split_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights of `even` and of `rise`.

    Parameters
    ----------
    weight : Tensor of shape (K, 3 C, 1, 1)
        Weights of the features, and of how much they exceed those of one and the other neighbour.

    Returns
    -------
    Tensor of shape (K, 2 C, 1, 1), Tensor of shape (K, C, 1, 1)
        Of two layers: their sum is the one with these weights, and their difference that with
        both neighbours in each other's place.
    """
    here, one, other = torch.split(weight, weight.shape[1] // 3, 1)
    return torch.cat([here, (one + other) / 2], 1), (one - other) / 2
