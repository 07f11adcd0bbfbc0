import numpy as np
import pytest

from napari_umis_fusion.fusion.decision import _decision as module
from napari_umis_fusion.fusion.decision._decision import (
    INVALID,
    Decision,
    Verified,
    copy_pixels,
    take_sharper,
)
from napari_umis_fusion.fusion.depth._depth_fit import DepthFit
from napari_umis_fusion.fusion.depth._final_maps import FinalMaps
from napari_umis_fusion.runtime import ScratchMemory, tiles_of
from napari_umis_fusion.stack import ACCEPTED_DTYPES

SHAPES = [(1, 1), (1, 5), (3, 2), (13, 17)]


KERNEL_MODULES = (module,)


def random_focus(planes, shape, ties=False, seed=0):
    """Focus (Z, Y, X), a tenth of it invalid; with ties, of few levels, 0 among them."""
    rng = np.random.default_rng(seed)
    focus = rng.integers(0, 4, (planes, *shape)) if ties else rng.random((planes, *shape))
    focus = focus.astype(np.float32)
    focus[rng.random(focus.shape) < 0.1] = INVALID
    return focus


def stream(focus, takeovers=None, side_px=6):
    """Decide plane by plane: by focus, or by the takeovers given."""
    decision = Decision.blank(*focus.shape[1:], ScratchMemory(16))
    for z, plane in enumerate(focus):
        takeover = np.empty(plane.shape, np.bool_) if takeovers is None else takeovers[z]
        for tile in tiles_of(plane, side_px):
            if takeovers is None:
                take_sharper(plane, decision, takeover, tile)
            decision.rank(plane, tile)
            decision.assign(plane, takeover, z, tile)
    return decision


def maps_of(decision, index_map=None, overruled=None):
    shape = decision.index.shape
    maps = FinalMaps.blank(shape, ScratchMemory(16))
    overruled = np.zeros(shape, np.bool_) if overruled is None else overruled
    index_map = decision.index if index_map is None else index_map
    fit = DepthFit(decision, index_map, overruled, 3)
    tiles = tiles_of(index_map, 8)
    for tile in tiles:
        fit.fit(tile)
    for tile in tiles:
        maps.fill(decision, overruled, fit, tile)
    return maps


def last_argmax(focus):
    return len(focus) - 1 - focus[::-1].argmax(0)


def at(focus, index):
    """Focus of the planes of an index map; INVALID outside the stack."""
    padded = np.pad(focus, ((1, 1), (0, 0), (0, 0)), constant_values=INVALID)
    return np.take_along_axis(padded, index[None] + 1, axis=0)[0]


def confidence_twin(focus, index):
    chosen = at(focus, index).astype(np.float64)
    others = np.where(np.arange(len(focus))[:, None, None] == index, INVALID, focus)
    rival = others.max(0)
    compared = (chosen > 0) & (rival >= 0)
    return np.where(compared, np.clip(1 - rival / np.where(compared, chosen, 1), 0, 1), 0)


def shift_twin(focus, index):
    """Peak of the parabola that polyfit lays through three planes."""
    shift = np.zeros(index.shape)
    for y, x in np.ndindex(index.shape):
        z = index[y, x]
        three = focus[max(z - 1, 0) : z + 2, y, x].astype(np.float64)
        if 0 < z < len(focus) - 1 and three.min() >= 0:
            a, b, _ = np.polyfit([-1, 0, 1], three, 2)
            shift[y, x] = np.clip(-b / (2 * a), -0.5, 0.5) if a < -1e-9 else 0
    return shift


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("planes", [1, 2, 3, 8])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sharpest_plane_wins(shape, planes, ties, jit):
    focus = random_focus(planes, shape, ties)
    decision = stream(focus)
    ranked = np.sort(np.concatenate([focus, np.full((1, *shape), INVALID)]), axis=0)
    assert decision.index.dtype == np.uint16
    np.testing.assert_array_equal(decision.index, last_argmax(focus))
    np.testing.assert_array_equal(decision.chosen, ranked[-1])
    np.testing.assert_array_equal(decision.best, ranked[-1])
    np.testing.assert_array_equal(decision.second, ranked[-2])


@pytest.mark.parametrize("planes", [1, 2, 3, 8])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_neighbours_of_the_chosen_plane_are_kept(shape, planes, jit):
    """Whichever planes take over: the last to do so is chosen."""
    focus = random_focus(planes, shape)
    takeovers = np.random.default_rng(1).random(focus.shape) < 0.3
    takeovers[0] = True
    decision = stream(focus, takeovers)
    index = last_argmax(takeovers)
    np.testing.assert_array_equal(decision.index, index)
    np.testing.assert_array_equal(decision.chosen, at(focus, index))
    np.testing.assert_array_equal(decision.peak_before, at(focus, index - 1))
    np.testing.assert_array_equal(decision.peak_after, at(focus, index + 1))
    np.testing.assert_array_equal(decision.best, focus.max(0))


@pytest.mark.parametrize("planes", [1, 2, 3, 8])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_peak_may_be_that_of_another_measure(shape, planes, jit):
    """Focus chooses the plane; what it is fitted to says how far the peak is from it."""
    focus, fitted = (random_focus(planes, shape, seed=seed) for seed in range(2))
    decision = Decision.blank(*shape, ScratchMemory(16), peak_is_focus=False)
    assert decision.peak is not decision.chosen
    for z, plane in enumerate(focus):
        takeover = np.empty(shape, np.bool_)
        for tile in tiles_of(plane, 6):
            take_sharper(plane, decision, takeover, tile)
            decision.rank(plane, tile)
            decision.assign(plane, takeover, z, tile, fitted[z])
    index = last_argmax(focus)
    np.testing.assert_array_equal(decision.index, index)
    np.testing.assert_array_equal(decision.chosen, at(focus, index))
    np.testing.assert_array_equal(decision.peak, at(fitted, index))
    maps = maps_of(decision)
    np.testing.assert_allclose(maps.confidence, confidence_twin(focus, index), atol=1e-6)
    sound = at(fitted, index) >= 0
    shift = shift_twin(fitted, index)
    np.testing.assert_allclose(maps.sub_plane[sound], (index + shift)[sound], atol=1e-4)


@pytest.mark.parametrize("by", ["focus", "any takeover"])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("planes", [1, 2, 3, 8])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_maps_equal_brute_force(shape, planes, ties, by):
    focus = random_focus(planes, shape, ties)
    takeovers = np.random.default_rng(1).random(focus.shape) < 0.3
    takeovers[0] = True
    decision = stream(focus, takeovers if by == "any takeover" else None)
    maps = maps_of(decision)
    index = decision.index.astype(int)
    for made in (maps.focus, maps.confidence, maps.sub_plane):
        assert made.dtype == np.float32
    np.testing.assert_array_equal(maps.focus, np.maximum(focus.max(0), 0))
    np.testing.assert_allclose(maps.confidence, confidence_twin(focus, index), atol=1e-6)
    np.testing.assert_allclose(maps.sub_plane, index + shift_twin(focus, index), atol=1e-4)


@pytest.mark.parametrize(
    ("focus", "sub_plane", "confidence"),
    [
        pytest.param([1, 4, 1], 1, 0.75, id="peak on a plane"),
        pytest.param([2, 4, 3], 1 + 1 / 6, 0.25, id="peak between planes"),
        pytest.param([0, 4, 4], 1.5 + 0.5, 0, id="tie: the later plane, at the end"),
        pytest.param([0, 4, 4, 0], 1.5, 0, id="tie inside: half way"),
        pytest.param([4, 3, 2], 0, 0.25, id="no offset at the first plane"),
        pytest.param([2, 3, 4], 2, 0.25, id="no offset at the last plane"),
        pytest.param([4], 0, 0, id="nothing to compare with"),
        pytest.param([0, 0, 0], 2, 0, id="no focus anywhere"),
        pytest.param([INVALID, 4, 2], 1, 0.5, id="no offset beside an invalid plane"),
        pytest.param([INVALID, 4, INVALID], 1, 0, id="only one valid plane"),
        pytest.param([INVALID, INVALID], 1, 0, id="no valid plane"),
        pytest.param([0, 4, 0], 1, 1, id="nowhere else"),
    ],
)
def test_what_the_maps_tell(focus, sub_plane, confidence, jit):
    maps = maps_of(stream(np.array(focus, np.float32)[:, None, None]))
    assert maps.sub_plane[0, 0] == pytest.approx(sub_plane)
    assert maps.confidence[0, 0] == pytest.approx(confidence)
    assert maps.focus[0, 0] == max(*focus, 0)


def test_choice_of_a_plane_that_is_not_sharpest_has_no_confidence():
    focus = np.array([3, 5, 1], np.float32)[:, None, None]
    takeovers = np.array([True, False, False])[:, None, None]
    assert maps_of(stream(focus, takeovers)).confidence[0, 0] == 0


def test_overruled_pixels_have_neither_confidence_nor_offset():
    focus = random_focus(6, (9, 11), seed=3)
    decision = stream(focus)
    free = maps_of(decision)
    index_map = decision.index.copy()
    overruled = np.random.default_rng(2).random((9, 11)) < 0.5
    index_map[overruled] = (index_map[overruled] + 1) % 6
    maps = maps_of(decision, index_map, overruled)
    assert (maps.confidence[overruled] == 0).all()
    np.testing.assert_array_equal(maps.sub_plane[overruled], index_map[overruled])
    np.testing.assert_array_equal(maps.confidence[~overruled], free.confidence[~overruled])
    np.testing.assert_array_equal(maps.sub_plane[~overruled], free.sub_plane[~overruled])
    np.testing.assert_array_equal(maps.focus, free.focus)


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
@pytest.mark.parametrize("dtype", ACCEPTED_DTYPES)
def test_taken_pixels_are_copied_bit_by_bit(dtype, channels, jit):
    """NaN, its payload and negative zero included; other pixels stay as they are."""
    rng = np.random.default_rng(0)
    size = np.dtype(dtype).itemsize
    high = 2 if dtype == "bool" else 256
    drawn = rng.integers(0, high, (2, 7, 9, *channels, size), np.uint8)
    plane, image = (each.view(dtype).reshape(7, 9, *channels) for each in drawn)
    takeover = rng.random((7, 9)) < 0.5
    expected = drawn[1].copy()
    expected[takeover] = drawn[0][takeover]
    for tile in tiles_of(plane, 4):
        copy_pixels(plane, takeover, image, tile)
    np.testing.assert_array_equal(image.view(np.uint8).ravel(), expected.ravel())


def test_planes_beyond_8_bits():
    """The index counts on past 255, and knows its neighbours there."""
    focus = np.zeros((400, 1, 1), np.float32)
    focus[[299, 300, 301], 0, 0] = 2, 4, 3
    maps = maps_of(stream(focus))
    assert maps.sub_plane[0, 0] == pytest.approx(300 + 1 / 6)


def followed(focus, index_map, side_px=6):
    """Stream by again behind an index map; return what becomes of it, choice and takeovers."""
    decided = last_argmax(focus).astype(np.uint16)
    verified = Verified(index_map.astype(np.uint16), decided)
    decision = Decision.blank(*focus.shape[1:], ScratchMemory(16))
    takeovers = np.empty(focus.shape, np.bool_)
    for z, plane in enumerate(focus):
        for tile in tiles_of(plane, side_px):
            verified.follow(plane, decision, takeovers[z], z, tile)
            decision.assign(plane, takeovers[z], z, tile)
    return verified.index_map, decision.index, takeovers


def sharper_so_far(focus):
    return focus >= np.maximum.accumulate(focus)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_following_the_decision_itself_takes_over_as_it_did(shape, ties, jit):
    focus = random_focus(5, shape, ties)
    index_map, chosen, takeovers = followed(focus, last_argmax(focus))
    np.testing.assert_array_equal(index_map, last_argmax(focus))
    np.testing.assert_array_equal(chosen, last_argmax(focus))
    np.testing.assert_array_equal(takeovers, sharper_so_far(focus))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_following_an_index_map_ends_with_its_planes(shape, ties, jit):
    """And where its plane is invalid, with the plane decided."""
    focus = random_focus(6, shape, ties, seed=3)
    focus[:, -1, -1] = INVALID
    wanted = np.random.default_rng(2).integers(0, 6, shape)
    index_map, chosen, takeovers = followed(focus, wanted)
    expected = np.where(at(focus, wanted) < 0, last_argmax(focus), wanted)
    np.testing.assert_array_equal(index_map, expected)
    np.testing.assert_array_equal(chosen, expected)
    planes = np.arange(6)[:, None, None]
    until = (planes < expected) & sharper_so_far(focus)
    np.testing.assert_array_equal(takeovers, until | (planes == expected))
