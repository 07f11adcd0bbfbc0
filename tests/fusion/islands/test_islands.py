"""Islands of the index map: inverted contrast is mended, real objects stay."""

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion import fuse
from napari_umis_fusion.fusion.islands import _island_evidence as evidence_module
from napari_umis_fusion.fusion.islands import _island_map as map_module
from napari_umis_fusion.fusion.islands._island_evidence import IslandEvidence, find_objects
from napari_umis_fusion.fusion.islands._island_map import (
    block_any,
    block_mean,
    find_islands,
    reduce_index,
    working_step,
)
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.stack import stack_of_arrays
from napari_umis_fusion.synthetic import RenderConfig, Smear, make_stack, render_smear

SMEAR = {"side_px": 160, "cell_px": 26.0, "cells": 4}
NOISE = RenderConfig(photon_electrons=3000.0)


def smear(seed=0, **options):
    return render_smear(Smear(seed=seed, **{**SMEAR, **options}), NOISE)


@pytest.fixture(scope="module")
def rendered():
    return smear()


@pytest.fixture(scope="module")
def kept(rendered):
    return fuse(rendered.stack, islands="keep")


@pytest.fixture(scope="module")
def mended(rendered):
    return fuse(rendered.stack)


def off(result, rendered):
    """Return the share of the cells that comes from a plane far from their outline's."""
    cells = rendered.all_in_focus < rendered.all_in_focus.max() * 0.97
    return (np.abs(result.index_map - rendered.sub_plane_map)[cells] > 2.5).mean()


def test_inverted_interiors_are_taken_from_the_plane_of_the_outline(rendered, kept, mended):
    assert off(kept, rendered) > 0.14
    assert off(mended, rendered) < 0.03
    changed = kept.index_map != mended.index_map
    truth, span = rendered.all_in_focus, rendered.data_range
    errors = [np.square(one.all_in_focus.astype(float) - truth) for one in (kept, mended)]
    before, after = (error[changed].mean() for error in errors)
    assert after < before / 2
    # Rims are copied with their interiors, and lack the base and the fine detail of all planes
    # that the mean has: it gains 0.25 dB by the latter, and what is mended nothing.
    before, after = (psnr(one.all_in_focus, truth, data_range=span) for one in (kept, mended))
    assert after > before - 0.6
    assert any("of the image mended" in note for note in mended.notes)
    assert (mended.confidence_map[changed] == 0).all()
    assert (mended.sub_plane_map[changed] == mended.index_map[changed]).all()
    assert mended.provenance["config"]["islands"] == "mend"


@pytest.mark.parametrize("seed", range(1, 3))
def test_in_every_smear(seed):
    rendered = smear(seed)
    before, after = (off(fuse(rendered.stack, islands=one), rendered) for one in ("keep", "mend"))
    assert after < before / 3


def test_mark_changes_confidence_alone(rendered, kept):
    marked = fuse(rendered.stack, islands="mark")
    assert np.array_equal(marked.all_in_focus, kept.all_in_focus)
    assert np.array_equal(marked.index_map, kept.index_map)
    low = marked.confidence_map < kept.confidence_map
    cells = rendered.all_in_focus < rendered.all_in_focus.max() * 0.97
    wrong = cells & (np.abs(kept.index_map - rendered.sub_plane_map) > 2.5)
    assert low[wrong & (kept.confidence_map > 0.1)].mean() > 0.6
    assert marked.confidence_map[low].max() <= np.float32(0.1)
    assert any("marked by a low confidence" in note for note in marked.notes)


def test_exaggerated_contrast_is_marked():
    """Planes before the focus show cells of positive phase too bright, those behind inverted."""
    rendered = smear(phase=1.2)
    kept, result = (fuse(rendered.stack, islands=choice) for choice in ("keep", "mend"))
    wrong = np.abs(kept.index_map - rendered.sub_plane_map) > 2.5
    lowered = (result.confidence_map < kept.confidence_map) | (kept.confidence_map <= 0.1)
    assert lowered[wrong].mean() > 0.3


@pytest.mark.parametrize("measure", ["learned", "laplacian"])
def test_copied_values_are_recorded_ones(rendered, measure):
    result = fuse(rendered.stack, blend="select", focus_measure=measure, window_sigma_px=2.0)
    source = result.source_map[None].astype(np.intp)
    assert np.array_equal(np.take_along_axis(rendered.stack, source, 0)[0], result.all_in_focus)


@pytest.mark.parametrize("scene", ["discs", "bars", "fluorescence"])
def test_real_islands_stay_to_the_last_bit(scene):
    for seed in range(2):
        stack = make_stack(scene, (96, 128), seed=seed, noisy=bool(seed % 2)).stack
        options = {"focus_measure": "laplacian", "blend": ("weighted", "select")[seed % 2]}
        kept, result = (fuse(stack, islands=choice, **options) for choice in ("keep", "mend"))
        assert np.array_equal(result.all_in_focus, kept.all_in_focus)
        assert np.array_equal(result.index_map, kept.index_map)


def test_objects_on_another_height_stay():
    """Debris beside and above the cells lies where islands of inverted contrast are mended."""
    lost = total = 0
    for seed in range(2):
        rendered = smear(seed, debris=2)
        kept, result = (fuse(rendered.stack, islands=choice) for choice in ("keep", "mend"))
        debris = np.abs(rendered.sub_plane_map - rendered.sub_plane_map.max()) > 2
        right = debris & (np.abs(kept.index_map - rendered.sub_plane_map) <= 1.5)
        total += right.sum()
        lost += (np.abs(result.index_map - rendered.sub_plane_map)[right] > 1.5).sum()
    assert total > 600
    assert lost < 0.02 * total


def reads_of(stack, **options):
    """Return how often planes are read."""
    reads = []

    def read(z):
        reads.append(z)
        return stack[z]

    lazy = stack_of_arrays(stack)
    lazy.plane = read
    fuse(lazy, focus_measure="laplacian", **options)
    return len(reads)


def test_without_islands_no_plane_is_read_again():
    tilted = make_stack("bumps", (96, 128), planes=6, channels=None).stack
    assert reads_of(tilted) == reads_of(tilted, islands="keep")


def test_the_published_method_has_no_such_step():
    from napari_umis_fusion import FusionConfig

    assert FusionConfig.reference().islands == "keep"


@pytest.mark.parametrize("dtype", ["uint16", "float32", "int32", "colour", "opacity"])
def test_every_kind_of_value(rendered, dtype):
    grey = rendered.stack
    if dtype in ("colour", "opacity"):
        stack = np.stack([grey, grey, grey], -1)
        if dtype == "opacity":
            stack = np.concatenate([stack, np.full_like(stack[..., :1], 255)], -1)
            stack[..., :3, :3, 3] = 0
    else:
        stack = (grey.astype(np.float64) * 200 + 1000).astype(dtype)
    kept, result = (fuse(stack, islands=choice) for choice in ("keep", "mend"))
    assert result.all_in_focus.dtype == stack.dtype
    assert off(result, rendered) < off(kept, rendered) / 3
    if dtype == "opacity":
        assert np.array_equal(result.all_in_focus[..., 3], kept.all_in_focus[..., 3])


def test_what_a_plane_does_not_show_is_not_taken_from_it(rendered):
    stack = rendered.stack.astype(np.float32)
    stack[5:9, 60:90] = np.nan
    result = fuse(stack, nan_policy="ignore")
    assert np.isfinite(result.all_in_focus).all()
    assert not np.isin(result.index_map[60:90], range(5, 9)).any()


def test_large_planes_are_judged_on_a_reduced_map(monkeypatch):
    rendered = smear(1)
    monkeypatch.setattr(map_module, "WORKING_PX", 160 * 160 // 4)
    assert working_step((160, 160)) == 2
    before, after = (off(fuse(rendered.stack, islands=one), rendered) for one in ("keep", "mend"))
    assert after < before / 3


def disc(side, radius):
    y, x = np.mgrid[:side, :side] - side // 2
    return np.hypot(y, x) < radius


def outlined(side=96, radius=30):
    """Return a disc with a dark outline."""
    grey = np.full((side, side), 200.0)
    grey[disc(side, radius)] = 50
    grey[disc(side, radius - 3)] = 180
    return scipy.ndimage.gaussian_filter(grey, 1).astype(np.float32)


def test_only_what_edges_of_the_rim_enclose_is_an_island():
    grey = outlined()
    index = np.full(grey.shape, 7, np.int32)
    index[disc(96, 20)] = 1
    islands = find_islands(index, grey)
    assert len(islands) == 1
    assert (islands.own_planes[1], islands.rim_planes[1]) == (1, 7)
    # The outline itself is of another plane: an object of its own.
    index[...] = 7
    index[disc(96, 36)] = 1
    assert find_islands(index, grey).labels[48, 48] == 0


@pytest.mark.parametrize("other", [5, 6, 7])
def test_near_planes_are_no_islands(other):
    index = np.full((96, 96), 7, np.int32)
    index[disc(96, 20)] = other
    assert len(find_islands(index, outlined())) == 0


def judged(view, rim):
    """Return the verdict on an island that shows `view` where the rim's planes show `rim`."""
    grey = outlined()
    index = np.full(grey.shape, 7, np.int32)
    island = disc(96, 22)
    index[island] = 1
    fused = np.where(island, view, grey).astype(np.float32)
    evidence = IslandEvidence(find_islands(index, grey), fused, 9)
    for z in range(9):
        plane = view if z < 3 else rim
        evidence.add(np.where(island, plane, grey).astype(np.float32), z)
    verdict = evidence.judge()
    return verdict.inverted[1], verdict.doubtful[1], verdict.confirmed[1]


def test_evidence():
    rng = np.random.default_rng(5)
    pattern = scipy.ndimage.gaussian_filter(rng.normal(size=(96, 96)), 3)
    pattern = 180 + 40 * pattern / pattern.std()
    blurred = scipy.ndimage.gaussian_filter(pattern, 3)
    noise = rng.normal(0, 1, pattern.shape)
    assert judged(pattern, 360 - pattern) == (True, False, False)
    assert judged(pattern, 180 - 0.2 * (pattern - 180) + noise) == (True, False, False)
    assert judged(pattern, blurred) == (False, False, True)
    # Nothing of it is left: neither for nor against.
    assert judged(pattern, 180 - 0.01 * (pattern - 180)) != (True, False, False)
    # What nobody can see does not matter.
    assert judged(180 + 0.02 * (pattern - 180), 360 - pattern) == (False, False, False)


def test_objects_within_inverted_islands_are_found():
    rng = np.random.default_rng(6)
    ring = scipy.ndimage.gaussian_filter(rng.normal(size=(96, 96)), 6)
    ring = (180 + 20 * ring / ring.std()).astype(np.float32)
    specks = np.zeros((96, 96), np.float32)
    specks[disc(96, 4)] = -120
    own, rim = ring + specks, 360 - ring + scipy.ndimage.gaussian_filter(specks, 6)
    everywhere = np.ones((96, 96), np.bool_)
    found = find_objects(own, np.asarray(rim, np.float32), everywhere)
    assert found[disc(96, 4)].all()
    assert found.mean() < 0.12
    assert not find_objects(ring, 360 - ring, everywhere).any()
    assert evidence_module.SHARPER > 1


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (6, 9), (64, 33)])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_working_maps_have_one_shape(shape, step):
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    expected = tuple(-(-side // step) for side in shape)
    assert block_mean(image, step).shape == expected
    assert reduce_index(image.astype(np.uint16), step).shape == expected
    assert block_any(image > 3, step).shape == expected
    assert block_any(image == 0, step)[0, 0]
