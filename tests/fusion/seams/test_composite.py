import numpy as np
import pytest

from napari_umis_fusion.fusion.decision import _decision
from napari_umis_fusion.fusion.decision._decision import INVALID, Decision
from napari_umis_fusion.fusion.mean import _weighted_mean
from napari_umis_fusion.fusion.mean._weighted_mean import WeightedMean
from napari_umis_fusion.fusion.seams._composite import Composite, Pile, SurfaceComposite
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end, tiles_of

SHAPE = (13, 17)
KERNEL_MODULES = (_decision, _weighted_mean)


def blank(shape=SHAPE, dtype=np.float64, **options):
    memory = ScratchMemory(16)
    mean = WeightedMean(shape, np.dtype(dtype), memory)
    decision = Decision.blank(*shape[:2], memory, **options)
    return Composite(np.zeros(shape, dtype), decision, np.zeros(shape[:2], np.float32), mean)


def add(composite, plane, focus, takeover, z, agreement=None):
    for tile in tiles_of(focus, 6):
        composite.copy(plane, plane.reshape(*SHAPE, -1)[..., 0].astype(np.float32), takeover, tile)
        composite.decision.assign(focus, takeover, z, tile, focus + 1)
        composite.weighted.add(plane, focus, takeover, agreement, tile)


def random_planes(count, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    focus = rng.uniform(0.1, 5, (count, *shape[:2])).astype(np.float32)
    return rng.random((count, *shape)), focus


@pytest.mark.usefixtures("jit")
@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 3)], ids=str)
@pytest.mark.parametrize("side", [0, 1])
def test_to_merge_a_plane_is_to_add_it(shape, side):
    """Whichever of the two was there first."""
    planes, focus = random_planes(2, shape)
    everywhere = np.ones(SHAPE, np.bool_)
    takeover = focus[1] > focus[0]
    agreement = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    expected = blank(shape, peak_is_focus=False)
    add(expected, planes[0], focus[0], everywhere, 0)
    found, other = (expected.another(ScratchMemory(16)) for _ in range(2))
    add(expected, planes[1], focus[1], takeover, 1, agreement)
    first, second = (0, 1) if side == 0 else (1, 0)
    add(found, planes[first], focus[first], everywhere, first)
    add(other, planes[second], focus[second], everywhere, second)
    for tile in tiles_of(focus[0], 6):
        found.merge(other, takeover if side == 0 else ~takeover, agreement, tile)
    for name in ("index", "chosen", "peak"):
        maps = (getattr(one.decision, name) for one in (found, expected))
        np.testing.assert_array_equal(*maps, err_msg=name)
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.grey, expected.grey)
    means = (one.weighted.estimate(slice(None)) for one in (found, expected))
    np.testing.assert_allclose(*means, rtol=1e-5)


def test_peaks_know_the_planes_around_across_composites():
    """A composite that begins with a plane, and the one before, see each other's."""
    _, focus = random_planes(4)
    everywhere = np.ones(SHAPE, np.bool_)
    image = blank(peak_is_focus=True)
    other = image.another(ScratchMemory(16))
    for z, one in enumerate((image, image, other, other)):
        takeover = everywhere if z % 2 == 0 else focus[z] > focus[z - 1]
        for tile in tiles_of(focus[0], 6):
            one.decision.assign(focus[z], takeover, z, tile)
            if z == 2:
                image.decision.see(focus[z], z, tile)
    for tile in tiles_of(focus[0], 6):
        image.decision.take(other.decision, other.decision.chosen > image.decision.chosen, tile)
    index = image.decision.index
    assert set(np.unique(index)) == {0, 1, 2, 3}
    padded = np.concatenate([np.full((1, *SHAPE), INVALID), focus, np.full((1, *SHAPE), INVALID)])
    for name, offset in (("peak_before", 0), ("peak", 1), ("peak_after", 2)):
        expected = np.take_along_axis(padded, index[None].astype(int) + offset, 0)[0]
        np.testing.assert_array_equal(getattr(image.decision, name), expected, err_msg=name)


def test_another_composite_has_maps_of_its_own_but_for_what_all_planes_tell():
    image = blank(peak_is_focus=False)
    surface = SurfaceComposite(
        image.decision.beside(ScratchMemory(16)), np.ones(SHAPE, np.float32), image.grey
    )
    for one in (image, surface):
        other = one.another(ScratchMemory(16))
        for name in ("index", "chosen", "peak", "peak_before", "peak_after"):
            maps = (getattr(each.decision, name) for each in (one, other))
            assert not np.shares_memory(*maps), name
        assert other.decision.noise is one.decision.noise
        assert other.decision.previous is one.decision.previous
    assert image.another(ScratchMemory(16)).decision.best is image.decision.best
    assert other.decision.best is other.decision.chosen


def test_composites_are_used_again_and_the_first_one_is_left():
    first = blank()
    with Workers(1) as workers:
        pile = Pile(first, ScratchMemory(16), workers, tiles_of(first.image, 6))
        assert pile.top is None
        assert run_to_end(pile.iter_begin()) is first
        second = run_to_end(pile.iter_begin())
        second.decision.chosen[...] = 3
        third = run_to_end(pile.iter_begin())
        assert pile.take_off(2) == (third, first)
        assert pile.take_off(1) == (second, first)
        assert run_to_end(pile.iter_begin()) is second
    assert (second.decision.chosen == INVALID).all()
