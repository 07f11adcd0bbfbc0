"""Features with their differences from the neighbouring planes, and the gradient of both."""

import pytest
import torch

from napari_umis_fusion.network._neighbours import NeighbourFeatures

SHAPES = [(1, 1, 1, 1, 1), (1, 2, 3, 2, 5), (3, 1, 2, 4, 3), (2, 5, 4, 3, 2), (2, 3, 1, 1, 7)]


def plain(features, planes):
    """Concatenate what is compared, plane by plane."""
    stacks = features.unflatten(0, (-1, planes))
    nothing = torch.zeros_like(stacks[:, :1])
    rise = stacks.diff(dim=1)
    parts = [stacks, torch.cat([nothing, rise], 1), torch.cat([-rise, nothing], 1)]
    return torch.cat(parts, 2).flatten(0, 1)


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
    assert torch.equal(compared.stacked, plain(features, shape[1]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_is_that_of_the_plain_formula(shape, memory):
    features = features_of(*shape).contiguous(memory_format=memory).requires_grad_()
    twin = features.detach().clone().requires_grad_()
    stacked = NeighbourFeatures.of_stacks(features, shape[1]).stacked
    weights = torch.randn(stacked.shape, dtype=torch.float64)
    (stacked * weights).sum().backward()
    (plain(twin, shape[1]) * weights).sum().backward()
    torch.testing.assert_close(features.grad, twin.grad)
