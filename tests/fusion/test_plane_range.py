"""Fusion of some of the planes of a stack."""

import numpy as np
import pytest

from napari_umis_fusion import Calibration, FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError, StackError
from napari_umis_fusion.synthetic import make_stack

STACK = make_stack("bumps", (40, 48), planes=9, noisy=True, channels=None).stack
FAST = FusionConfig("laplacian", blend="select")


@pytest.mark.parametrize("planes", [(2, 6), (0, 3), (5, 8), (4, 4)])
def test_a_slab_is_the_fusion_of_these_planes_counted_as_the_whole_stack(planes):
    first, last = planes
    sizes = Calibration(2.0, 0.5, 0.5)
    slab = fuse(STACK, FAST, planes=planes, calibration=sizes)
    if first < last:
        alone = fuse(STACK[first : last + 1], FAST, calibration=sizes)
        np.testing.assert_array_equal(slab.all_in_focus, alone.all_in_focus)
        np.testing.assert_array_equal(slab.index_map, alone.index_map + first)
        np.testing.assert_array_equal(slab.source_map, alone.source_map + first)
        np.testing.assert_array_equal(slab.confidence_map, alone.confidence_map)
        np.testing.assert_allclose(slab.depth_map(), alone.depth_map() + 2 * first, atol=1e-4)
    rows, columns = np.indices(STACK.shape[1:])
    np.testing.assert_array_equal(slab.all_in_focus, STACK[slab.index_map, rows, columns])
    assert slab.provenance["planes"] == [first, last]
    chosen = np.where(slab.index_map < 4, 8 + 1, 0)
    assert (slab.with_overrides(STACK, chosen).index_map[chosen > 0] == 8).all()


def test_all_planes_are_the_whole_and_uneven_steps_count():
    whole = fuse(STACK, FAST)
    np.testing.assert_array_equal(fuse(STACK, FAST, planes=(0, 8)).index_map, whole.index_map)
    places = (0.0, 1, 2, 3, 5, 8, 13, 21, 34)
    slab = fuse(STACK, FAST, planes=[5, 7], calibration=Calibration(4.25, z_positions_um=places))
    depth = slab.depth_map()
    assert 8 <= depth.min() < depth.max() <= 21


def test_notes_count_planes_as_the_whole_stack():
    broken = STACK.copy()
    broken[6] = 0
    slab = fuse(broken, FAST, planes=(4, 8))
    assert any(note.startswith("plane 6 is") for note in slab.notes)
    assert not (slab.index_map == 6).any()
    assert [one["plane"] for one in slab.provenance["health"]] == [6]
    assert [one.z for one in slab.health] == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("planes", [(3, 2), (-1, 4), (0, 9), (1,), 3, (1.0, 2), "12"])
def test_planes_that_do_not_exist_are_refused(planes):
    with pytest.raises(ConfigError, match=r"accepted are the first and the last .* from 0 to 8"):
        fuse(STACK, FAST, planes=planes)


@pytest.mark.parametrize("blend", ["weighted", "select"])
def test_planes_chosen_by_hand_count_in_a_slab_where_they_are_of_it(blend):
    options = {"config": FAST, "planes": (2, 5), "blend": blend}
    chosen = np.zeros((40, 48), np.uint16)
    chosen[:8, :8], chosen[:8, 10:18], chosen[10:18, :8] = 2 + 1, 5 + 1, 6 + 1
    slab = fuse(STACK, overrides=chosen, **options)
    automatic = fuse(STACK, **options)
    for rows, columns, plane in ((0, 0, 2), (0, 10, 5)):
        part = slice(rows, rows + 8), slice(columns, columns + 8)
        assert (slab.index_map[part] == plane).all()
        np.testing.assert_array_equal(slab.all_in_focus[part], STACK[plane][part])
    np.testing.assert_array_equal(slab.index_map[10:], automatic.index_map[10:])
    np.testing.assert_array_equal(slab.automatic.index_map, automatic.index_map)
    assert slab.provenance["overrides"]["planes"] == {"2": 64, "5": 64}
    assert any("64 pixels were chosen by hand from planes other than 2 to 5" in note
               for note in slab.notes)  # fmt: skip
    again = slab.with_overrides(STACK, chosen * (chosen < 7))
    np.testing.assert_array_equal(again.all_in_focus, slab.all_in_focus)


def test_an_aligned_slab_takes_overrides_while_it_is_fused():
    options = {"planes": (2, 6), "align": "translation", "align_border": "mask"}
    shifted = np.stack([np.roll(plane, 3 * z, 1) for z, plane in enumerate(STACK)])
    chosen = np.zeros((40, 48), np.uint16)
    chosen[10:20, 20:30] = 4 + 1
    slab = fuse(shifted, FAST, overrides=chosen, **options)
    assert (slab.index_map[chosen > 0] == 4).all()
    with pytest.raises(StackError, match=r"planes=\(2, 6\), overrides="):
        slab.with_overrides(shifted, chosen)


def test_what_needs_all_planes_is_refused():
    with pytest.raises(ConfigError, match="nowhere='plane' with planes"):
        fuse(STACK, FAST, planes=(1, 4), nowhere="plane")
