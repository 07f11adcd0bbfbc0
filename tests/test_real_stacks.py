"""Real microscope stacks, end to end with default options, at native size."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion import fuse, open_stack
from napari_umis_fusion.metrics import average_gradient, false_edge_rate

STACKS = Path(__file__).parents[2] / "shared" / "data" / "stacks"
NAMES = ("algae_midcash", "scorpion_la3lma", "corentin_gen1", "pcb_petteri")

pytestmark = pytest.mark.skipif(
    not STACKS.is_dir(), reason="the real stacks are not here (../shared/data/stacks)"
)


@cache
def planes_of(name):
    return list(open_stack(STACKS / name))


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    yield request.param
    planes_of.cache_clear()


@pytest.fixture(scope="module")
def selected(name):
    return fuse(STACKS / name, blend="select")


@pytest.fixture(scope="module")
def weighted(name):
    return fuse(STACKS / name, blend="weighted")


def test_select_copies_values(name, selected):
    planes = planes_of(name)
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


def test_fusion_is_sharper_than_any_plane(name, selected):
    assert detail(selected.all_in_focus) > max(map(detail, planes_of(name)))


def test_select_has_hardly_a_false_edge(name, selected):
    assert false_edge_rate(selected.all_in_focus, planes_of(name)) < 0.005


def test_weighted_has_no_false_edge_to_speak_of(name, weighted):
    assert false_edge_rate(weighted.all_in_focus, planes_of(name)) < 0.001
