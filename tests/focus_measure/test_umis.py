import numpy as np
import pytest
import torch

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.focus_measure import feature_change
from napari_umis_fusion.focus_measure._deep_spatial_frequency import (
    deep_spatial_frequency,
    iter_feature_change,
)
from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure
from napari_umis_fusion.network import StripNetwork, UNetPlusPlus, load_checkpoint, save_checkpoint
from napari_umis_fusion.runtime import run_to_end


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return UNetPlusPlus().eval()


@pytest.fixture
def grey():
    return np.random.default_rng(0).random((150, 40), dtype=np.float32)


def test_focus_map_is_the_deep_spatial_frequency_of_the_features(model, grey):
    with torch.inference_mode():
        features = model.features(torch.from_numpy(grey * 2 - 1)[None, None])[0]
    measure = UmisFocusMeasure(model, "cpu")
    focus_map = measure(grey)
    assert focus_map.dtype == np.float32
    np.testing.assert_allclose(focus_map, deep_spatial_frequency(features.numpy()), rtol=1e-4)
    assert measure.notes == []


def test_sources(model, grey, tmp_path):
    path = save_checkpoint(tmp_path / "w.safetensors", model)
    expected = UmisFocusMeasure(model, "cpu")(grey)
    for source in (path, str(path), load_checkpoint(path)):
        measure = UmisFocusMeasure(source, "cpu")
        np.testing.assert_array_equal(measure(grey), expected)
        assert measure.checkpoint.path == path


def test_out_of_memory_halves_the_strips_and_says_so(model, grey, monkeypatch):
    expected = UmisFocusMeasure(model, "cpu")(grey)
    iter_features = StripNetwork.iter_features

    def hungry(self, plane, strip_rows):
        if strip_rows > 80:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return (yield from iter_features(self, plane, strip_rows))

    monkeypatch.setattr(StripNetwork, "iter_features", hungry)
    measure = UmisFocusMeasure(model, "cpu", strip_rows=1000)
    np.testing.assert_allclose(measure(grey), expected, rtol=1e-4)
    assert measure.notes == ["cpu ran out of memory: strips of 75 rows"]


def test_plane_too_small(model):
    with pytest.raises(StackError, match="10 x 20 px are too small"):
        UmisFocusMeasure(model, "cpu")(np.zeros((10, 20), np.float32))


@pytest.mark.parametrize("size", [(1, 1), (5, 9)])
def test_change_on_a_device_equals_that_of_the_kernel(size):
    features = torch.rand(16, *size)
    change = run_to_end(iter_feature_change(features.numpy()))
    np.testing.assert_allclose(feature_change(features).numpy(), change, rtol=1e-5)
