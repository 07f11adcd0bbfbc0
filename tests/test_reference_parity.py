"""Equality with what the reference method made of a small stack, step by step."""

import numpy as np
import pytest
import torch

from napari_umis_fusion import losses
from napari_umis_fusion.focus_measure.deep_spatial_frequency import deep_spatial_frequency
from napari_umis_fusion.focus_measure.umis import UmisFocusMeasure
from napari_umis_fusion.grey import itu601_grey
from napari_umis_fusion.network.inference import StripNetwork
from napari_umis_fusion.network.weights import load_checkpoint
from napari_umis_fusion.verification import (
    median_filter_index,
    mode_filter,
    reference_window_px,
)
from napari_umis_fusion.workers import drain


@pytest.fixture(scope="module")
def checkpoint(golden_weights):
    return load_checkpoint(golden_weights)


@pytest.fixture(scope="module")
def focus_maps(golden, checkpoint):
    measure = UmisFocusMeasure(checkpoint, "cpu")
    return np.stack([measure(grey.astype(np.float32) / 255) for grey in golden["grey"]])


@pytest.fixture(scope="module")
def decision_map(focus_maps):
    """The later plane wins a tie, and nothing below zero wins."""
    return (len(focus_maps) - 1 - focus_maps[::-1].argmax(0)).astype(np.uint16)


def relative_error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def first_plane(golden):
    return torch.from_numpy((golden["grey"][0].astype(np.float32) / 255 - 0.5) / 0.5)


def test_grey(golden):
    greys = np.stack([itu601_grey(plane) for plane in golden["stack"]])
    np.testing.assert_array_equal(greys, golden["grey"])


@pytest.mark.parametrize("strip_rows", [40, 1000])
def test_features(golden, checkpoint, strip_rows):
    network = StripNetwork(checkpoint.model(), torch.device("cpu"))
    features = drain(network.iter_features(first_plane(golden), strip_rows)).numpy()
    assert relative_error(features, golden["features_plane0"]) < 1e-4


def test_deep_spatial_frequency(golden):
    focus_map = deep_spatial_frequency(golden["features_plane0"])
    np.testing.assert_allclose(focus_map, golden["focus_maps"][0], rtol=1e-5)


def test_focus_maps(golden, focus_maps):
    np.testing.assert_allclose(focus_maps, golden["focus_maps"], rtol=1e-4)


def test_decision_map(golden, decision_map):
    np.testing.assert_array_equal(decision_map, golden["decision_map"])


@pytest.mark.parametrize(
    ("name", "verify"), [("mode", mode_filter), ("fuzzy", median_filter_index)]
)
def test_index_map_and_all_in_focus_image(golden, decision_map, name, verify):
    window_px = reference_window_px(*decision_map.shape)
    assert window_px == golden["window_px"]
    index_map = verify(decision_map, window_px)
    np.testing.assert_array_equal(index_map, golden[f"index_map_{name}"])
    chosen = index_map[None, :, :, None].astype(np.intp)
    fused = np.take_along_axis(golden["stack"], chosen, axis=0)[0]
    np.testing.assert_array_equal(fused, golden[f"all_in_focus_{name}"])


def test_reconstruction(golden, checkpoint):
    with torch.inference_mode():
        rebuilt = checkpoint.model()(first_plane(golden)[None, None])[0, 0].numpy()
    assert relative_error(rebuilt, golden["reconstruction_plane0"]) < 1e-4


def test_losses(golden):
    image, rebuilt = torch.from_numpy(golden["loss_x"]), torch.from_numpy(golden["loss_y"])
    found = {
        "mse": losses.mse_loss(rebuilt, image),
        "ssim": losses.ssim_loss(rebuilt, image),
        "gradient": losses.gradient_loss(rebuilt, image),
        "sf_published": losses.spatial_frequency_loss(rebuilt, image, "published"),
    }
    for name, loss in found.items():
        assert loss.item() == pytest.approx(float(golden[f"loss_{name}"]), rel=1e-5), name


def test_names_of_a_data_parallel_run(golden, checkpoint, tmp_path):
    path = tmp_path / "parallel.pth"
    torch.save({f"module.{n}": t for n, t in checkpoint.state_dict.items()}, path)
    model = load_checkpoint(path).model()
    with torch.inference_mode():
        features = model.features(first_plane(golden)[None, None])[0].numpy()
    assert relative_error(features, golden["features_plane0"]) < 1e-4
