"""Features of the planes of whole stacks, compared with those of the planes before and after."""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class NeighbourFeatures:
    """Features of planes, and the same with their differences from both neighbours.

    Attributes
    ----------
    here : Tensor of shape (N, C, Y, X)
        Features of the planes of all stacks.
    stacked : Tensor of shape (N, 3 C, Y, X)
        The features, those minus the features of the plane before, and those minus the features
        of the plane after; 0 if there is no such plane.
    """

    here: Tensor
    stacked: Tensor

    @classmethod
    def of_stacks(cls, features: Tensor, planes: int) -> Self:
        """Compare the features (N, C, Y, X) of stacks of `planes` planes each."""
        stacked: Tensor = _Compared.apply(features, planes)  # type: ignore[no-untyped-call]
        return cls(features, stacked)


class _Compared(torch.autograd.Function):
    """Fills one tensor with features and differences.

    Concatenating padded differences, and their gradients, took a third of a training step: each
    was copied several times, and in another memory format than the convolution's.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, planes: int) -> Tensor:
        count, width, *size = features.shape
        ctx.planes = planes
        stacked = torch.empty(
            (count, 3 * width, *size),
            dtype=features.dtype,
            device=features.device,
            memory_format=torch.channels_last,
        )
        of_planes = stacked.view(-1, planes, 3 * width, *size)
        here, from_before, from_after = torch.split(of_planes, width, 2)
        by_plane = features.view(-1, planes, width, *size)
        here.copy_(by_plane)
        from_before[:, 0] = from_after[:, -1] = 0
        torch.sub(by_plane[:, 1:], by_plane[:, :-1], out=from_before[:, 1:])
        torch.sub(by_plane[:, :-1], by_plane[:, 1:], out=from_after[:, :-1])
        return stacked

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        _, width, *size = gradient.shape
        width //= 3
        by_plane = gradient.reshape(-1, ctx.planes, 3 * width, *size)
        _, from_before, from_after = torch.split(by_plane, width, 2)
        total = gradient[:, :width].clone(memory_format=torch.channels_last)
        summed = total.view(-1, ctx.planes, width, *size)
        # Each difference is that of the plane before, with the other sign.
        rise = from_before[:, 1:] - from_after[:, :-1]
        summed[:, 1:] += rise
        summed[:, :-1] -= rise
        return total, None
