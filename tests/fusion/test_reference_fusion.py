"""The published method through `fuse`, on the golden stack and off it."""

import hashlib

import numpy as np
import pytest
import torch
from scipy import ndimage

from data.make_golden import grid
from napari_umis_fusion import FusionConfig, focus_map, fuse
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.network import StripNetwork, UNetPlusPlus, save_checkpoint
from napari_umis_fusion.synthetic import make_stack


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Untrained weights, where no answer is compared."""
    torch.manual_seed(0)
    return save_checkpoint(tmp_path_factory.mktemp("w") / "w.safetensors", UNetPlusPlus())


@pytest.fixture(scope="module")
def stack():
    return make_stack("discs", (300, 24), planes=3, channels=None).stack


@pytest.mark.parametrize("verification", ["mode", "fuzzy"])
def test_identical_to_the_reference(golden, verification, golden_weights):
    config = FusionConfig.reference(golden_weights, verification=verification)
    result = fuse(golden["stack"], config)
    # A pixel where two planes are as good as equal counts in each window that it lies in.
    decided = ~ndimage.maximum_filter(golden["undecided"], int(golden["window_px"]))
    assert decided.mean() > 0.9
    for name in ("index_map", "all_in_focus"):
        found, expected = getattr(result, name), golden[f"{name}_{verification}"]
        np.testing.assert_array_equal(found[decided], expected[decided], err_msg=name)
    sha256 = hashlib.sha256(golden_weights.read_bytes()).hexdigest()
    assert result.provenance["weights_sha256"] == sha256
    assert result.provenance["device"] in ("cpu", "cuda", "mps")
    assert result.provenance["config"]["verification"] == verification


def test_focus_map_is_that_of_the_reference(golden, golden_weights):
    config = FusionConfig.reference(golden_weights, device="cpu")
    focus = focus_map(golden["stack"][0], config)
    np.testing.assert_allclose(grid(focus), golden["focus_plane0_grid"], rtol=1e-4)


def test_median_filter_comes_before_the_network(golden, golden_weights):
    config = FusionConfig.reference(golden_weights, median_filter=True)
    highest = golden["focus_maps_grid"].max(axis=0)
    change = np.abs(grid(fuse(golden["stack"], config).focus_map) - highest)
    assert change.mean() > 0.01 * highest.mean()


def test_trained_features_find_the_plane(golden_weights):
    rendered = make_stack("bumps", (128, 160), planes=5)
    index_map = fuse(rendered.stack, FusionConfig.reference(golden_weights)).index_map
    assert np.abs(index_map - rendered.sub_plane_map).mean() < 0.8


@pytest.mark.parametrize(
    ("verification", "dtype", "scale"),
    [
        *(("seams", np.uint8, 1), ("mode", np.uint16, 200)),
        *(("fuzzy", np.float32, 1 / 255), ("none", np.uint8, 1)),
    ],
)
def test_every_dtype_and_verification(stack, weights, verification, dtype, scale):
    values = (stack * scale).astype(dtype)
    config = FusionConfig.reference(weights, verification=verification, device="cpu")
    result = fuse(values, config)
    copied = np.take_along_axis(values, result.index_map[None].astype(np.intp), 0)[0]
    np.testing.assert_array_equal(result.all_in_focus, copied)
    assert result.focus_map.max() > result.focus_map.min() > 0
    assert result.provenance["device"] == "cpu"


@pytest.mark.parametrize("size", [(15, 40), (40, 15)])
def test_plane_too_small_for_the_network(weights, size):
    with pytest.raises(StackError, match=f"{size[0]} x {size[1]} px are too small"):
        fuse(np.zeros((2, *size), np.uint8), FusionConfig.reference(weights))


def test_out_of_memory_is_told(stack, weights, monkeypatch):
    config = FusionConfig.reference(weights, device="cpu")
    plenty = fuse(stack, config)
    iter_features = StripNetwork.iter_features

    def hungry(self, plane, strip_rows):
        if strip_rows > 100:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return (yield from iter_features(self, plane, strip_rows))

    monkeypatch.setattr(StripNetwork, "iter_features", hungry)
    scarce = fuse(stack, config)
    assert plenty.notes == ()
    assert len(scarce.notes) == 2
    assert all("ran out of memory: strips of" in note for note in scarce.notes)
    assert scarce.provenance["notes"] == list(scarce.notes)
    np.testing.assert_allclose(scarce.focus_map, plenty.focus_map, rtol=1e-3)


def test_network_runs_in_tiles_of_seams_alike(stack, weights):
    config = FusionConfig("umis", str(weights), device="cpu")
    whole, parts = (fuse(stack, config, tile_px=side, threads=1) for side in (4096, 32))
    np.testing.assert_array_equal(whole.index_map, parts.index_map)
    np.testing.assert_array_equal(whole.confidence_map, parts.confidence_map)
