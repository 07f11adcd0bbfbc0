"""Measures that look at one plane at a time, fitted into a stack."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.focus_measure import CLASSICAL, choose_measure
from napari_umis_fusion.focus_measure._planewise import iter_median
from napari_umis_fusion.network import UNetPlusPlus, load_checkpoint, save_checkpoint
from napari_umis_fusion.preprocess import GreyConverter, reference_unit_grey
from napari_umis_fusion.runtime import Workers, run_to_end


@pytest.fixture(scope="module")
def stack():
    return np.random.default_rng(0).integers(0, 256, (3, 40, 37), np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return save_checkpoint(tmp_path_factory.mktemp("w") / "u.safetensors", UNetPlusPlus())


def measured(stack, **options):
    """Measure all planes, and return the measure and their focus."""
    config = FusionConfig(**options)
    to_grey = GreyConverter(as_stack(stack), "auto")
    maps = []
    with Workers(2) as workers:
        measure = choose_measure(config, workers, to_grey)
        for plane in stack:
            focus = np.full(plane.shape[:2], np.nan, np.float32)
            run_to_end(measure.iter_add(to_grey(plane), plane))
            assert run_to_end(measure.iter_fill(focus)) is focus, "the blend weighs by the same"
            maps.append(focus)
        run_to_end(measure.iter_end())
    return measure, np.array(maps)


@pytest.mark.parametrize("median_filter", [False, True])
@pytest.mark.parametrize("name", sorted(CLASSICAL))
def test_classical_measures(stack, name, median_filter):
    options = {"median_filter": median_filter, "window_sigma_px": 2.0, "tile_px": 32}
    measure, maps = measured(stack, focus_measure=name, **options)
    for plane, focus in zip(stack.astype(np.float32), maps, strict=True):
        if median_filter:
            with Workers(1) as workers:
                plane = run_to_end(iter_median(plane, workers, 512))
        made = CLASSICAL[name](1.0, 2.0)
        expected = made(np.pad(plane, made.halo_px, mode="symmetric"))
        np.testing.assert_array_equal(focus, expected)
    assert (measure.delay_planes, measure.is_share) == (0, False)
    assert measure.notes == []
    assert measure.provenance() == {}


@pytest.mark.parametrize("change", [lambda s: s, lambda s: s.astype(np.uint16) * 3 + 500])
def test_published_network(stack, checkpoint, change):
    from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure

    planes = change(stack)
    options = {"focus_measure": "umis", "checkpoint": str(checkpoint), "device": "cpu"}
    measure, maps = measured(planes, **options)
    to_grey = GreyConverter(as_stack(planes), "auto")
    for plane, focus in zip(planes, maps, strict=True):
        unit = reference_unit_grey(plane, "auto")
        unit = np.clip(to_grey(plane) / np.float32(255), 0, 1) if unit is None else unit
        np.testing.assert_array_equal(focus, UmisFocusMeasure(checkpoint, "cpu")(unit))
    assert (measure.delay_planes, measure.is_share) == (0, False)
    sha256 = load_checkpoint(checkpoint).sha256
    assert measure.provenance() == {"device": "cpu", "weights_sha256": sha256}
    assert measure.notes == []


def test_median_of_a_plane():
    image = np.random.default_rng(0).normal(size=(45, 70)).astype(np.float32)
    with Workers(2) as workers:
        smoothed = run_to_end(iter_median(image, workers, 32))
    inner = (slice(2, -2), slice(2, -2))
    np.testing.assert_array_equal(smoothed[inner], ndimage.median_filter(image, 5)[inner])
