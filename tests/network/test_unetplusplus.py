import warnings

import pytest
import torch

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.network import StripNetwork, UNetPlusPlus
from napari_umis_fusion.network._strip_inference import full_precision, upsampled_rows
from napari_umis_fusion.network._unetplusplus import NODES, upsample_to
from napari_umis_fusion.runtime import run_to_end

CPU = torch.device("cpu")


def lively(model):
    """Give batch normalisation statistics and weights other than those it starts with."""
    for name, tensor in model.state_dict().items():
        if "running_var" in name or ("bn" in name and name.endswith("weight")):
            tensor.uniform_(0.5, 2)
        elif "running_mean" in name or ("bn" in name and name.endswith("bias")):
            tensor.normal_(0, 0.3)
    return model


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(7)
    return lively(UNetPlusPlus()).eval()


def random_plane(height, width):
    return torch.rand(height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_parameters_and_names(model):
    assert sum(p.numel() for p in model.parameters()) == 1_515_313
    names = {name.split(".")[0] for name in model.state_dict()}
    assert names == {f"conv{i}_{j}" for i, j in NODES} | {f"recon{k}" for k in (1, 2, 3, 4)}
    block = {name.removeprefix("conv0_4.") for name in model.state_dict() if "conv0_4" in name}
    assert {"conv1.bias", "bn2.running_var", "att.fc.0.weight", "att.fc.2.weight"} < block


def test_shapes(model):
    x = torch.zeros(2, 1, 19, 37)
    with torch.inference_mode():
        assert model.features(x).shape == (2, 16, 19, 37)
        assert model(x).shape == (2, 1, 19, 37)


STRIPS = [
    ((17, 16), 1),
    *((size, 13) for size in ((17, 31), (63, 18))),
    ((95, 18), 20),
    ((63, 18), 1000),
]
"""Planes and rows of a strip: one row, odd numbers, such that end with a plane, and all of it."""


@pytest.mark.parametrize(
    ("size", "strip_rows", "layout"),
    [
        *((*strips, torch.channels_last) for strips in STRIPS),
        ((63, 18), 13, torch.contiguous_format),
    ],
)
def test_strips_equal_the_whole(model, size, strip_rows, layout):
    plane = random_plane(*size)
    with torch.inference_mode():
        whole = model.features(plane[None, None])[0]
    network = StripNetwork(model, CPU)
    network.layout = layout
    features = run_to_end(network.iter_features(plane, strip_rows))
    assert features.shape == whole.shape
    assert not features.requires_grad
    assert (features - whole).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize("size", [(15, 40), (40, 15), (1, 1)])
def test_plane_too_small(model, size):
    with pytest.raises(StackError, match=rf"{size[0]} x {size[1]} px.*accepted are 16 x 16 px"):
        run_to_end(StripNetwork(model, CPU).iter_features(torch.zeros(size), 64))


def test_yields_more_often_for_lower_strips(model):
    network = StripNetwork(model, CPU)
    ticks = [len(list(network.iter_features(random_plane(96, 20), rows))) for rows in (96, 24)]
    assert ticks[0] >= 2 * len(NODES)
    assert ticks[1] > 1.5 * ticks[0]


def test_a_pause_leaves_torch_as_it_was(model):
    steps = StripNetwork(model, CPU).iter_features(random_plane(20, 20), 64)
    next(steps)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    steps.close()


def test_training_network_is_left_alone():
    model = lively(UNetPlusPlus()).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    features = run_to_end(StripNetwork(model, CPU).iter_features(random_plane(20, 24), 64))
    assert model.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    with torch.inference_mode():
        expected = model.eval().features(random_plane(20, 24)[None, None])[0]
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-5 * expected.max().item())


@pytest.mark.parametrize("small", [(1, 1), (1, 5), (8, 3)])
@pytest.mark.parametrize("extra", [(0, 0), (1, 1), (2, 3)])
def test_upsampled_rows_are_those_of_the_whole(small, extra):
    x = torch.rand(1, 2, *small)
    size = (2 * small[0] + extra[0], 2 * small[1] + extra[1])
    whole = upsample_to(x, torch.empty(1, 1, *size))
    middle = size[0] // 2
    for start, stop in ((0, middle), (middle, size[0]), (middle - 1, middle + 1)):
        rows = upsampled_rows(x, start, stop, size)
        torch.testing.assert_close(rows, whole[:, :, start:stop])


def test_full_precision_on_cuda_only_while_it_lasts():
    before = torch.backends.cudnn.allow_tf32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with full_precision(torch.device("cuda")):
            assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before
