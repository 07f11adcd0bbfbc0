"""Planes that stream through the network get the scores of the whole stack."""

import itertools
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest
import torch

from napari_umis_fusion.network import REACH_PLANES, STRIDE_PX, PlaneRanker, RankingStream
from napari_umis_fusion.network import _ranking_stream as ranking
from napari_umis_fusion.network._ranker_layout import REACH_PX
from napari_umis_fusion.network._ranking_stream import split_rows_with_context
from napari_umis_fusion.runtime import Workers

CPU = torch.device("cpu")
KINDS = ("select", "weigh")


@pytest.fixture(scope="module")
def model(busy_ranker):
    return busy_ranker


def random_stack(*shape):
    return np.random.default_rng(1).random(shape, np.float32)


def stream_on(model, shape, strip_rows=10_000, workers=None):
    return RankingStream(model, CPU, shape, strip_rows, half=False, workers=workers)


def streamed(model, planes, strip_rows=10_000, workers=None):
    """Return the scores of all planes, in order."""
    stream = stream_on(model, planes.shape[1:], strip_rows, workers)
    early = [scores for plane in planes if (scores := stream.push(plane)) is not None]
    return [*early, *stream.end()]


@torch.inference_mode()
def whole(model, planes):
    """Score the stack at once, padded to what the network accepts, and cut to its size."""
    height, width = planes.shape[1:]
    to_grid = ((0, 0), (0, -height % STRIDE_PX), (0, -width % STRIDE_PX))
    padded = torch.from_numpy(np.pad(planes, to_grid, mode="edge"))
    scores = model(padded[None])
    return {kind: getattr(scores, kind)[0, :, :height, :width].numpy() for kind in KINDS}


def assert_equal_whole(scores, expected, atol=1e-4):
    for kind in KINDS:
        found = np.stack([getattr(each, kind).numpy() for each in scores])
        assert found.dtype == np.float32
        assert found.std() > 0.01
        np.testing.assert_allclose(found, expected[kind], rtol=0, atol=atol)


def test_of_a_network_of_one_order(one_order_ranker):
    stack = random_stack(4, 32, 48)
    expected = whole(one_order_ranker, stack)
    assert_equal_whole(streamed(one_order_ranker, stack), expected)


@pytest.mark.parametrize("planes", [1, 2, 3, 4, 5, 6, 7, 8, 12])
def test_stream_equals_the_whole_stack(model, planes):
    stack = random_stack(planes, 32, 48)
    assert_equal_whole(streamed(model, stack), whole(model, stack))


@pytest.mark.parametrize("size", [(17, 33), (1, 1), (16, 1), (5, 100), (31, 16)], ids=str)
@pytest.mark.parametrize("planes", [1, 5])
def test_sizes_off_the_grid_are_padded_with_their_edge(model, planes, size):
    stack = random_stack(planes, *size)
    scores = streamed(model, stack)
    assert [tuple(each.select.shape) for each in scores] == [size] * planes
    expected = whole(model, stack)
    for kind in KINDS:
        found = np.stack([getattr(each, kind).numpy() for each in scores])
        np.testing.assert_allclose(found, expected[kind], rtol=0, atol=1e-4)


@pytest.mark.parametrize("strip_rows", [1, 64, 160])
@pytest.mark.parametrize("height", [400, 411])
def test_strips_equal_the_whole(model, strip_rows, height):
    stack = random_stack(3, height, 16)
    if strip_rows == 1:  # as low as strips can be; few, as each sees far around it
        stack = stack[:, :70]
    assert len(split_rows_with_context(stack.shape[1], strip_rows)) > 2
    assert_equal_whole(streamed(model, stack, strip_rows), whole(model, stack))


@pytest.mark.parametrize("threads", [None, 1, 3])
@pytest.mark.parametrize("size", [(16, 16), (160, 96), (130, 70)], ids=str)
def test_tiles_equal_the_whole(model, size, threads, monkeypatch):
    monkeypatch.setattr(ranking, "TILE_PX", 64)
    stack = random_stack(4, *size)
    with Workers(threads or 1) as workers:
        scores = streamed(model, stack, workers=workers if threads else None)
    assert_equal_whole(scores, whole(model, stack))


@pytest.mark.parametrize("fewest", [1, 2**30], ids=["large plane", "small plane"])
def test_threads_of_torch_stay_as_they_were(model, fewest, monkeypatch):
    """Those of others, too: what a thread asks for holds for threads that begin after it."""
    monkeypatch.setattr(ranking, "FEWEST_PIXELS", fewest)
    before = torch.get_num_threads()
    with Workers(2) as workers:
        streamed(model, random_stack(4, 96, 96), workers=workers)
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(torch.get_num_threads).result() == before


@pytest.mark.parametrize("at_end", [False, True])
def test_abandoned_between_strips(model, at_end):
    stack = random_stack(3, 100, 16)
    with Workers(1) as workers:
        stream = stream_on(model, (100, 16), 32, workers)
        for plane in stack[:2]:
            stream.push(plane)
    with pytest.raises(CancelledError):
        list(stream.end()) if at_end else stream.push(stack[2])


@pytest.mark.parametrize("planes", range(1, 9))
def test_scores_come_as_many_planes_later_as_the_network_sees(model, planes):
    stack = random_stack(planes, 16, 16)
    stream = stream_on(model, (16, 16))
    known = [stream.push(plane) is not None for plane in stack]
    assert known == [z >= REACH_PLANES for z in range(planes)]
    assert len(list(stream.end())) == min(planes, REACH_PLANES)


def test_planes_may_change_once_they_are_taken(model):
    stack = random_stack(6, 32, 32)
    stream, scores, plane = stream_on(model, (32, 32)), [], np.empty((32, 32), np.float32)
    for values in stack:
        plane[...] = values
        scores.append(stream.push(plane))
        plane[...] = np.nan
    assert_equal_whole([*scores[REACH_PLANES:], *stream.end()], whole(model, stack))


@pytest.mark.parametrize("height", [1, 15, 16, 64, 65, 400, 1000])
@pytest.mark.parametrize("strip_rows", [1, 16, 64, 100, 160, 5000])
def test_strips_tell_every_row_once(height, strip_rows):
    rows = np.arange(height)
    told = []
    for strip in split_rows_with_context(height, strip_rows):
        seen = rows[strip.input]
        mine = seen[strip.output]
        told.extend(mine)
        assert strip.input.start % STRIDE_PX == 0, "on the network's grid"
        assert mine.size <= max(strip_rows, STRIDE_PX)
        assert seen[0] in (0, mine[0] - REACH_PX) or mine[0] < REACH_PX
        assert seen[-1] == min(mine[-1] + REACH_PX, height - 1)
    assert told == rows.tolist()


def tensors_of(thing, seen):
    """Find all tensors that something holds, each once."""
    if isinstance(thing, torch.Tensor):
        return {id(thing): thing}
    if id(thing) in seen or isinstance(thing, PlaneRanker):
        return {}
    seen.add(id(thing))
    if isinstance(thing, dict):
        parts = thing.values()
    elif hasattr(thing, "__iter__") and not isinstance(thing, (str, bytes)):
        parts = list(thing)
    else:
        slots = [getattr(thing, name) for name in getattr(type(thing), "__slots__", ())]
        parts = [*slots, *vars(thing).values()] if hasattr(thing, "__dict__") else slots
    found = {}
    for part in parts:
        found.update(tensors_of(part, seen))
    return found


def held_bytes(stream):
    kept = tensors_of(stream, set()).values()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept)


def test_what_a_stream_keeps_does_not_grow_with_the_planes(model):
    stream = stream_on(model, (32, 16), strip_rows=16)
    held = []
    for plane in itertools.islice(itertools.cycle(random_stack(5, 32, 16)), 20):
        stream.push(plane)
        held.append(held_bytes(stream))
    steady = held[2 * REACH_PLANES :]
    assert min(steady) > 32 * 16 * 4, "something was found"
    assert max(steady) == min(steady)
