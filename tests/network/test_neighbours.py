"""Features with their changes along z, the gradient of these, and layers for both orders."""

import pytest
import torch
from torch.nn.functional import conv2d

from napari_umis_fusion.network._neighbours import NeighbourFeatures, split_weight

SHAPES = [(1, 1, 1, 1, 1), (1, 2, 3, 2, 5), (3, 1, 2, 4, 3), (2, 5, 4, 3, 2), (2, 3, 1, 1, 7)]


def differences(features, planes):
    """Return by how much each plane exceeds the one before, and the one after."""
    stacks = features.unflatten(0, (-1, planes))
    nothing = torch.zeros_like(stacks[:, :1])
    rise = stacks.diff(dim=1)
    parts = torch.cat([nothing, rise], 1), torch.cat([-rise, nothing], 1)
    return [part.flatten(0, 1) for part in parts]


def plain(features, planes):
    """Concatenate what is compared, plane by plane."""
    before, after = differences(features, planes)
    return torch.cat([features, before + after, before - after], 1)


def joined(compared):
    return torch.cat([compared.even, compared.rise], 1)


def features_of(stacks, planes, width, height, length, dtype=torch.float64):
    seeded = torch.Generator().manual_seed(7)
    shape = stacks * planes, width, height, length
    return torch.randn(shape, generator=seeded, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_differences_are_those_of_the_neighbours(shape, memory, dtype):
    features = features_of(*shape, dtype=dtype).contiguous(memory_format=memory)
    compared = NeighbourFeatures.of_stacks(features, shape[1])
    assert compared.here is features
    assert torch.equal(joined(compared), plain(features, shape[1]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_is_that_of_the_plain_formula(shape, memory):
    features = features_of(*shape).contiguous(memory_format=memory).requires_grad_()
    twin = features.detach().clone().requires_grad_()
    stacked = joined(NeighbourFeatures.of_stacks(features, shape[1]))
    weights = torch.randn(stacked.shape, dtype=torch.float64)
    (stacked * weights).sum().backward()
    (plain(twin, shape[1]) * weights).sum().backward()
    torch.testing.assert_close(features.grad, twin.grad)


@pytest.mark.parametrize("shape", SHAPES)
def test_both_parts_of_a_layer_are_its_two_orders(shape):
    features = features_of(*shape)
    width = shape[2]
    weight = torch.randn((5, 3 * width, 1, 1), dtype=torch.float64)
    before, after = differences(features, shape[1])
    compared = NeighbourFeatures.of_stacks(features, shape[1])
    of_even, of_rise = split_weight(weight)
    even, odd = conv2d(compared.even, of_even), conv2d(compared.rise, of_rise)
    for found, order in ((even + odd, (before, after)), (even - odd, (after, before))):
        torch.testing.assert_close(found, conv2d(torch.cat([features, *order], 1), weight))
