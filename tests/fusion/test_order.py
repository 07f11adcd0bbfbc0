"""What does not depend on the end of a stack with which a fusion begins."""

import numpy as np
import pytest

from napari_umis_fusion import fuse
from napari_umis_fusion.focus_measure import CLASSICAL
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.synthetic import make_stack


def both_ways(stack, **options):
    """Fuse a stack and its reverse; both index maps count from the first plane of the stack."""
    one, other = fuse(stack, **options), fuse(stack[::-1], **options)
    indices = one.index_map.astype(int), len(stack) - 1 - other.index_map.astype(int)
    return (one, other), indices


@pytest.mark.parametrize("blend", ["select", "weighted"])
@pytest.mark.parametrize("measure", sorted(CLASSICAL))
def test_unverified_decisions_are_the_same_both_ways(measure, blend):
    stack = make_stack("discs", (48, 56), planes=5, noisy=True, seed=2).stack.astype(np.float32)
    stack += np.random.default_rng(0).random(stack.shape, np.float32)  # without ties
    options = {"focus_measure": measure, "verification": "none", "blend": blend}
    results, indices = both_ways(stack, **options)
    np.testing.assert_array_equal(*indices)
    if blend == "select":
        np.testing.assert_array_equal(*(one.all_in_focus for one in results))


@pytest.mark.parametrize("name", ["discs", "bars", "fluorescence"])
def test_seams_between_two_planes_are_the_same_both_ways(name):
    """So the order changes only with what a third plane is compared: the composite."""
    stack = make_stack(name, (72, 80), planes=8, seed=1).stack[[1, 6]]
    _, (one, other) = both_ways(stack, focus_measure="laplacian")
    assert 0.02 < one.mean() < 0.98, "there are borders"
    assert np.mean(one != other) < 0.001


@pytest.mark.parametrize("name", ["discs", "weak_texture"])
def test_the_default_shows_nearly_the_same_both_ways(name):
    made = make_stack(name, (96, 112), planes=7, noisy=True, seed=3)
    (one, other), _ = both_ways(made.stack)
    images = (each.all_in_focus.astype(np.float64) for each in (one, other))
    assert psnr(*images, data_range=made.data_range) > 40
