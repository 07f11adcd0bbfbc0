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


@pytest.mark.parametrize(
    ("measure", "blend"),
    [*((name, "select") for name in sorted(CLASSICAL)), ("laplacian", "weighted")],
)
def test_unverified_decisions_are_the_same_both_ways(measure, blend):
    stack = make_stack("discs", (48, 56), planes=5, noisy=True, seed=2).stack.astype(np.float32)
    stack += np.random.default_rng(0).random(stack.shape, np.float32)  # without ties
    options = {"focus_measure": measure, "verification": "none", "blend": blend}
    results, indices = both_ways(stack, **options)
    np.testing.assert_array_equal(*indices)
    if blend == "select":
        np.testing.assert_array_equal(*(one.all_in_focus for one in results))


@pytest.mark.parametrize(
    ("name", "planes", "kind"),
    [
        *(("discs", 2, {}), ("bars", 5, {"noisy": True}), ("fluorescence", 12, {"haze": 0.15})),
        *(("bars", 5, {"haze": 0.15}), ("fluorescence", 12, {"noisy": True})),
    ],
    ids=str,
)
def test_seams_are_the_same_both_ways(name, planes, kind):
    stack = make_stack(name, (56, 64), planes=planes, seed=1, **kind).stack
    results, (one, other) = both_ways(stack, focus_measure="laplacian")
    assert len(np.unique(one)) > planes / 3, "there are borders"
    assert np.mean(one != other) < 0.001
    depths = results[0].sub_plane_map, planes - 1 - results[1].sub_plane_map
    assert np.mean(np.abs(depths[0] - depths[1]) > 0.5) < 0.02


def test_seams_are_the_same_both_ways_where_planes_are_left_out():
    stack = make_stack("bars", (56, 64), planes=9, noisy=True, seed=1).stack
    stack[[0, 5]] = 0
    results, (one, other) = both_ways(stack, focus_measure="laplacian")
    assert not results[0].health[5].is_sound
    assert np.mean(one != other) < 0.001


@pytest.mark.parametrize(("name", "planes"), [("discs", 7), ("bars", 4), ("weak_texture", 5)])
def test_the_default_is_the_same_both_ways(name, planes):
    made = make_stack(name, (96, 112), planes=planes, noisy=True, seed=3)
    # Planes that span more and more, so that it matters which one tells the range of grey.
    spans = np.linspace(0.6, 1, planes)[:, None, None, None]
    (one, other), indices = both_ways((made.stack * spans).astype(np.uint8), light="none")
    assert np.mean(indices[0] != indices[1]) < 0.01
    depths = one.sub_plane_map, planes - 1 - other.sub_plane_map
    assert np.mean(np.abs(depths[0] - depths[1]) > 0.5) < 0.03
    images = (each.all_in_focus.astype(np.float64) for each in (one, other))
    assert psnr(*images, data_range=made.data_range) > 55
