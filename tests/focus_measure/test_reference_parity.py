"""Equality with what the reference method made of a small stack, step by step."""

import numpy as np
import pytest
import torch

from data.make_golden import grid, sampled
from napari_umis_fusion.focus_measure._deep_spatial_frequency import deep_spatial_frequency
from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure
from napari_umis_fusion.fusion import median_filter_index, mode_filter
from napari_umis_fusion.fusion.decision._verification import reference_window_px
from napari_umis_fusion.network import StripNetwork, load_checkpoint
from napari_umis_fusion.preprocess._grey import itu601_grey
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.training.objectives import _losses as losses

WINDOW_RADIUS_PX = 15


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


def assert_near(found, golden, name, within=1e-4):
    """Compare the corners and the grid that are stored, relative to the highest value."""
    for part, values in sampled(name, found).items():
        assert relative_error(values, golden[part]) < within, part


def test_grey(golden):
    greys = np.stack([itu601_grey(plane) for plane in golden["stack"]])
    np.testing.assert_array_equal(greys, golden["grey"])


@pytest.mark.parametrize("strip_rows", [40, 1000])
def test_features(golden, checkpoint, strip_rows):
    network = StripNetwork(checkpoint.model(), torch.device("cpu"))
    features = run_to_end(network.iter_features(first_plane(golden), strip_rows)).numpy()
    assert_near(features, golden, "features_plane0")


@pytest.mark.parametrize(
    ("corner", "known"),
    [("first", np.s_[:-WINDOW_RADIUS_PX]), ("last", np.s_[WINDOW_RADIUS_PX + 1 :])],
)
def test_deep_spatial_frequency(golden, corner, known):
    """Compare where neither the window nor the difference to the left or top leaves the crop."""
    focus_map = deep_spatial_frequency(golden[f"features_plane0_{corner}"])[known, known]
    expected = golden[f"focus_plane0_{corner}"][known, known]
    assert min(expected.shape) >= 24
    np.testing.assert_allclose(focus_map, expected, rtol=1e-5)


def test_focus_maps(golden, focus_maps):
    np.testing.assert_allclose(grid(focus_maps), golden["focus_maps_grid"], rtol=1e-4)
    for part, values in sampled("focus_plane0", focus_maps[0]).items():
        np.testing.assert_allclose(values, golden[part], rtol=1e-4, err_msg=part)


def test_decision_map(golden, decision_map):
    """Let only those pixels differ where the two best planes are as good as equal."""
    differs = decision_map != golden["decision_map"]
    assert not (differs & ~golden["undecided"]).any()
    assert golden["undecided"].mean() < 0.002


@pytest.mark.parametrize(
    ("name", "verify"), [("mode", mode_filter), ("fuzzy", median_filter_index)]
)
def test_index_map_and_all_in_focus_image(golden, name, verify):
    decision_map = golden["decision_map"].astype(np.uint16)
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
    assert_near(rebuilt, golden, "reconstruction_plane0")


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
    assert_near(features, golden, "features_plane0")
