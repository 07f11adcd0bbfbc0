"""Real microscope stacks, end to end with default options, at native size."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion import fuse, open_stack
from napari_umis_fusion.metrics import average_gradient, false_edge_rate

DATA = Path(__file__).parents[1] / "data" / "stacks"
FURTHER = ("algae_midcash", "scorpion_la3lma", "corentin_gen1", "pcb_petteri")


def stacks():
    """Return the stack that comes with the tests, and large ones where a folder is named."""
    folder = os.environ.get("UMIS_FUSION_STACKS")
    return [DATA / "scorpion_la3lma", *(Path(folder) / name for name in FURTHER if folder)]


@cache
def planes_of(folder):
    return list(open_stack(folder))


@pytest.fixture(scope="module", params=stacks(), ids=lambda folder: folder.name)
def folder(request):
    yield request.param
    planes_of.cache_clear()


@pytest.fixture(scope="module")
def selected(folder):
    return fuse(folder, blend="select")


@pytest.fixture(scope="module")
def weighted(folder):
    return fuse(folder, blend="weighted")


def test_select_copies_values(folder, selected):
    planes = planes_of(folder)
    height, width = selected.source_map.shape
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, height, 20_000), rng.integers(0, width, 20_000)
    index = selected.source_map[rows, columns]
    for z, plane in enumerate(planes):
        here = rows[index == z], columns[index == z]
        np.testing.assert_array_equal(selected.all_in_focus[here], plane[here])
    assert len(np.unique(index)) > len(planes) / 2


def detail(image):
    """Return the average gradient of what is coarser than noise, which fusion lowers."""
    sigma = (2, 2, 0)[: image.ndim]
    return average_gradient(ndimage.gaussian_filter(image, sigma))


def test_fusion_is_sharper_than_any_plane(folder, selected):
    assert detail(selected.all_in_focus) > max(map(detail, planes_of(folder)))


def test_select_has_hardly_a_false_edge(folder, selected):
    assert false_edge_rate(selected.all_in_focus, planes_of(folder)) < 0.005


def test_weighted_has_no_false_edge_to_speak_of(folder, weighted):
    assert false_edge_rate(weighted.all_in_focus, planes_of(folder)) < 0.001
