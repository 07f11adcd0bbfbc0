"""Planes are looked at before they are fused, and read once for both."""

import weakref
from collections import Counter

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.fusion import iter_fuse, passes_of
from napari_umis_fusion.fusion.blocks import _memory
from napari_umis_fusion.fusion.blocks._memory import MemoryPlan, plan_memory
from napari_umis_fusion.fusion.planes._kept_planes import KeptPlanes
from napari_umis_fusion.runtime import ScratchMemory
from napari_umis_fusion.stack import Stack
from napari_umis_fusion.synthetic import make_stack

SHAPE = (70, 90)
FAST = {"focus_measure": "laplacian", "islands": "keep"}  # islands are looked at in the planes


class Counted(Stack):
    """Counts how often planes and rectangles are read, and how many planes are held."""

    def __init__(self, data):
        self.shape, self.dtype, self.rgb = data.shape, data.dtype, data.ndim == 4
        self.read, self.parts, self.most_held = Counter(), Counter(), 0
        self._data, self._alive = data, []

    def plane(self, z):
        self.read[z] += 1
        plane = self._data[z].copy()
        self._alive = [one for one in (*self._alive, weakref.ref(plane)) if one() is not None]
        self.most_held = max(self.most_held, len(self._alive))
        return plane

    def region(self, z, rows, columns):
        self.parts[z] += 1
        return self._data[z][rows, columns].copy()


def sound(planes):
    return make_stack("bumps", SHAPE, planes=planes, channels=None).stack


def patterned(planes):
    pattern = np.random.default_rng(0).normal(0, 8, SHAPE)
    return np.clip(sound(planes) + pattern, 0, 255).astype(np.uint8)


def mosaic(planes):
    stack = make_stack("bumps", SHAPE, planes=planes).stack * np.array((1, 0.5, 0.7))
    grey = stack[..., 1].copy()
    grey[:, ::2, ::2], grey[:, 1::2, 1::2] = stack[:, ::2, ::2, 0], stack[:, 1::2, 1::2, 2]
    return grey.astype(np.uint8)


def lit_otherwise(planes):
    """The middle plane does not tell the range of grey; those around it are judged."""
    stack = sound(planes).astype(np.uint16) * 100
    stack[planes // 2] *= 2
    return stack


STACKS = {"sound": sound, "pattern": patterned, "mosaic": mosaic, "exposure": lit_otherwise}


@pytest.mark.parametrize("planes", [1, 2, 3, 8, 10, 23])
@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.filterwarnings("ignore:the stack has one plane")
def test_each_plane_is_read_once(kind, planes):
    stack = Counted(STACKS[kind](planes))
    notes = fuse(stack, **FAST).notes
    # An odd middle plane is judged by those around it, which may be too many to keep.
    again = sum(stack.read.values()) - planes
    assert again == 0 if kind != "exposure" or planes < 13 else again < 7
    assert set(stack.read) == set(range(planes))
    assert not stack.parts
    if kind == "pattern" and planes > 7:
        assert any("stands still on the sensor" in note for note in notes)


def test_each_plane_of_a_network_is_read_once():
    stack = Counted(patterned(12))
    fuse(stack, device="cpu", islands="keep")
    assert stack.read == Counter(range(12))


def test_aligned_planes_are_read_once_more_than_to_align_them():
    stack, transforms = Counted(patterned(10)), np.repeat(np.eye(2, 3)[None], 10, 0)
    transforms[4:, 0, 2] = 1.5
    result = fuse(stack, transforms=transforms, align_border="mask", **FAST)
    assert stack.read == Counter(range(10))
    assert any("stands still on the sensor" in note for note in result.notes)


def test_results_are_those_of_planes_that_are_not_kept(monkeypatch):
    stack = patterned(12)
    expected = fuse(stack, **FAST)
    monkeypatch.setattr(KeptPlanes, "keep", lambda *_: None)
    counted = Counted(stack)
    found = fuse(counted, **FAST)
    assert max(counted.read.values()) > 1
    np.testing.assert_array_equal(found.all_in_focus, expected.all_in_focus)
    np.testing.assert_array_equal(found.index_map, expected.index_map)


def plan_of(stack, budget_mb, **options):
    config = FusionConfig(memory_mb=budget_mb, threads=2, **options)
    return plan_memory(stack, config, passes_of(config, len(stack)), ScratchMemory(budget_mb))


def test_no_more_planes_are_held_than_were_planned():
    stack = Counted(patterned(40))
    steps = iter_fuse(stack, **FAST)
    plan = next(event for event in steps if isinstance(event, MemoryPlan))
    list(steps)
    assert 9 <= plan.kept_planes <= 14
    assert stack.most_held <= plan.kept_planes + 2, "and the one at work, and the next"


def test_planes_are_kept_as_far_as_memory_allows(monkeypatch):
    monkeypatch.setattr(_memory, "free_memory_mb", lambda: 16_000)
    stack = Counted(np.broadcast_to(np.uint16(0), (40, 1500, 1500)))
    plenty = plan_of(stack, 4096, **FAST)
    least = plenty.needed_mb - 6 * _memory.plane_mb(stack)
    for budget_mb in np.linspace(least, plenty.needed_mb, 5):
        plan = plan_of(stack, int(budget_mb) + 1, **FAST)
        assert len(plan.blocks) == 1
        assert plan.needed_mb <= budget_mb + 1
        assert plan.kept_planes <= plenty.kept_planes
    assert plan_of(stack, int(least) + 1, **FAST).kept_planes < plenty.kept_planes


def test_blocks_read_no_more_than_their_rectangles(monkeypatch):
    monkeypatch.setattr(_memory, "SMALLEST_BLOCK_PX", 9000)
    stack = Counted(np.tile(sound(7), (1, 7, 1))[:, :480, :40])
    notes = fuse(stack, memory_mb=1, **FAST).notes
    assert any("fused in 2 blocks" in note for note in notes)
    assert max(stack.parts.values()) == 2
    assert sum(stack.read.values()) <= 7 + 1, "once to judge them, and one for the range of grey"
