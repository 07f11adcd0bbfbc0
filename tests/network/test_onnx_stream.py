"""The network without torch gives the scores of torch."""

import gc
import itertools
import subprocess
import sys
from concurrent.futures import CancelledError

import numpy as np
import onnx
import pytest
import torch

from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.network import (
    REACH_PLANES,
    OnnxStages,
    OnnxTwoScaleStream,
    TwoScaleStream,
    _onnx_session,
    _onnx_stages,
    load_checkpoint,
    shipped_weights,
)
from napari_umis_fusion.network._onnx_stages import STAGES, TILES_PX
from napari_umis_fusion.network._ranker_graphs import ranker_models
from napari_umis_fusion.network._ranker_layout import plane_ranker_shapes
from napari_umis_fusion.runtime import Workers

CPU = torch.device("cpu")
OVERLAP_PX = 2 * max(stage.reach_px for stage in STAGES.values())


def arrays_of(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def random_stack(*shape, seed=1):
    return np.random.default_rng(seed).random(shape, np.float32)


def streamed(stream, planes):
    """Return scores (2, Z, Y, X), however a stream stores them."""
    told = [stream.push(plane) for plane in planes]
    scores = [score for score in (*told, *stream.end()) if score is not None]
    return np.array([[np.asarray(getattr(s, name)) for s in scores] for name in KINDS])


KINDS = ("select", "weigh")

SIDE_PX = 128


def use_small_tiles(monkeypatch):
    monkeypatch.setattr(_onnx_stages, "TILES_PX", dict.fromkeys(STAGES, (SIDE_PX, SIDE_PX)))


def by_onnx(model, planes, workers=None):
    stages = OnnxStages(arrays_of(model), workers)
    return streamed(OnnxTwoScaleStream(stages, planes.shape[1:]), planes)


def by_torch(model, planes):
    stream = TwoScaleStream(model, CPU, planes.shape[1:], 10_000, half=False)
    return streamed(stream, planes)


def test_layout_is_that_of_the_network(busy_ranker):
    shapes = {name: tuple(value.shape) for name, value in busy_ranker.state_dict().items()}
    assert plane_ranker_shapes() == shapes


@pytest.mark.parametrize("name", STAGES)
def test_models_are_valid(busy_ranker, name):
    content = getattr(ranker_models(arrays_of(busy_ranker)), name)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert model.SerializeToString(deterministic=True)
    assert [value.name for value in model.graph.input] == list(STAGES[name].model_inputs())
    assert [value.name for value in model.graph.output] == list(STAGES[name].outputs)


@pytest.mark.parametrize(
    ("size", "planes"),
    [
        *(((32, 48), planes) for planes in (1, 2, 3, 4, 5, 8, 12)),
        *((size, planes) for size in ((1, 1), (17, 33), (5, 100), (31, 16)) for planes in (2, 5)),
    ],
    ids=str,
)
def test_scores_are_those_of_torch(busy_ranker, planes, size):
    stack = random_stack(planes, *size)
    found = by_onnx(busy_ranker, stack)
    assert found.dtype == np.float32
    assert found.shape == (2, planes, *size)
    np.testing.assert_allclose(found, by_torch(busy_ranker, stack), rtol=0, atol=1e-4)


@pytest.mark.parametrize("planes", [1, 2, 5])
def test_networks_of_one_order_score_as_ever(one_order_ranker, busy_ranker, planes):
    stack = random_stack(planes, 33, 48)
    found, expected = by_onnx(one_order_ranker, stack), by_torch(one_order_ranker, stack)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    if planes > 1:
        assert np.abs(found - by_onnx(busy_ranker, stack)).max() > 0.1


@pytest.mark.parametrize("by", [by_onnx, by_torch])
def test_a_reversed_stack_has_the_same_scores(busy_ranker, by):
    stack = random_stack(5, 33, 48)
    found, reverse = by(busy_ranker, stack), by(busy_ranker, stack[::-1])
    np.testing.assert_allclose(found, reverse[:, ::-1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_shipped_weights_choose_the_same_planes(seed):
    checkpoint = load_checkpoint(shipped_weights("plane-ranker"))
    stack = random_stack(6, 130, 150, seed=seed)
    stack = np.cumsum(np.cumsum(stack - 0.5, 1), 2)
    stack = (stack - stack.min()) / np.ptp(stack)
    found, expected = by_onnx(checkpoint.model(), stack), by_torch(checkpoint.model(), stack)
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    assert np.mean(found.argmax(1) != expected.argmax(1)) < 1e-4


@pytest.mark.parametrize("threads", [None, 1, 3])
@pytest.mark.parametrize("size", [(400, 300), (411, 270), (129, 700)], ids=str)
def test_tiles_equal_the_whole(busy_ranker, size, threads, monkeypatch):
    stack = random_stack(4, *size)
    whole = by_torch(busy_ranker, stack)
    use_small_tiles(monkeypatch)
    with Workers(threads or 1) as workers:
        found = by_onnx(busy_ranker, stack, workers if threads else None)
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-4)


def test_arrays_of_planes_that_are_done_with_are_used_again(busy_ranker, monkeypatch):
    stack, new, run = random_stack(7, 150, 40), set(), OnnxStages.run

    def note(stages, name, arrays, compared=None, spare=()):
        found = run(stages, name, arrays, compared, spare)
        new.update(name for one in found if not any(one is other for other in spare))
        return found

    use_small_tiles(monkeypatch)
    monkeypatch.setattr(OnnxStages, "run", note)
    stream, found = OnnxTwoScaleStream(OnnxStages(arrays_of(busy_ranker)), (150, 40)), []
    for plane in stack:
        new.clear()
        found.append(stream.push(plane))
    assert new == {"score"}, "scores are handed out"
    found = [*found[REACH_PLANES:], *stream.end()]
    found = np.array([[getattr(s, name) for s in found] for name in KINDS])
    np.testing.assert_allclose(found, by_torch(busy_ranker, stack), rtol=0, atol=1e-4)


def test_wide_planes_are_computed_in_tiles(busy_ranker, monkeypatch):
    sizes, fill = [], _onnx_session.StageSession.fill

    def note(session, inputs, outputs):
        sizes.append(next(iter(inputs.items())))
        fill(session, inputs, outputs)

    monkeypatch.setattr(_onnx_session.StageSession, "fill", note)
    use_small_tiles(monkeypatch)
    by_onnx(busy_ranker, random_stack(1, 150, 12 * SIDE_PX))
    pixels = {name: px for one in STAGES.values() for name, px in one.model_inputs().items()}
    for name, array in sizes:
        height, width = (pixels[name] * length for length in array.shape[2:])
        assert width <= SIDE_PX + OVERLAP_PX
        assert height <= SIDE_PX + OVERLAP_PX


@pytest.mark.parametrize(
    ("size", "threads", "expected"),
    [
        ((2048, 2048), 2, (256, 2048)),
        ((2048, 1024), 2, (512, 1024)),  # narrow ones are the higher
        ((2048, 1024), 16, (128, 1024)),  # one for each thread
        ((512, 9000), 1, (256, 2048)),
        ((400, 300), 1, (400, 300)),
    ],
)
def test_tiles_have_whole_rows_as_far_as_they_fit(busy_ranker, size, threads, expected):
    with Workers(threads) as workers:
        stages = OnnxStages(arrays_of(busy_ranker), workers)
        tiles = stages._tiles(*size, TILES_PX["score"])
    assert tuple(len(part) for part in tiles[0]) == expected
    assert sum(len(rows) * len(columns) for rows, columns in tiles) == size[0] * size[1]


def test_scores_come_as_many_planes_later_as_the_network_sees(busy_ranker):
    stream = OnnxTwoScaleStream(OnnxStages(arrays_of(busy_ranker)), (16, 16))
    known = [stream.push(plane) is not None for plane in random_stack(8, 16, 16)]
    assert known == [z >= REACH_PLANES for z in range(8)]


def test_planes_may_change_once_they_are_taken(busy_ranker):
    stack = random_stack(6, 32, 32)
    stream = OnnxTwoScaleStream(OnnxStages(arrays_of(busy_ranker)), (32, 32))
    plane, scores = np.empty((32, 32), np.float32), []
    for values in stack:
        plane[...] = values
        scores.append(stream.push(plane))
        plane[...] = np.nan
    scores = [*scores[REACH_PLANES:], *stream.end()]
    found = np.array([[getattr(s, name) for s in scores] for name in KINDS])
    np.testing.assert_allclose(found, by_torch(busy_ranker, stack), rtol=0, atol=1e-4)


def arrays_in(thing, seen):
    """Find the memory of all arrays that something holds, each once."""
    if isinstance(thing, np.ndarray):
        while isinstance(thing.base, np.ndarray):
            thing = thing.base
        return {id(thing): thing.nbytes}
    if id(thing) in seen or isinstance(thing, OnnxStages):
        return {}
    seen.add(id(thing))
    found = {}
    for part in gc.get_referents(thing):
        if not isinstance(part, type):
            found.update(arrays_in(part, seen))
    return found


def test_what_a_stream_keeps_does_not_grow_with_the_planes(busy_ranker):
    stream = OnnxTwoScaleStream(OnnxStages(arrays_of(busy_ranker)), (32, 16))
    held = []
    for plane in itertools.islice(itertools.cycle(random_stack(5, 32, 16)), 20):
        stream.push(plane)
        held.append(sum(arrays_in(stream.__dict__, set()).values()))
    steady = held[2 * REACH_PLANES :]
    assert min(steady) > 32 * 16 * 4, "something was found"
    assert max(steady) == min(steady)


def test_abandoned_between_tiles(busy_ranker):
    with Workers(1) as workers:
        stages = OnnxStages(arrays_of(busy_ranker), workers)
        stream = OnnxTwoScaleStream(stages, (32, 32))
        stream.push(random_stack(32, 32))
    with pytest.raises(CancelledError):
        stream.push(random_stack(32, 32))


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (Exception("std::bad_alloc"), MemoryError, "bad_alloc"),
        (Exception("Failed to allocate memory for requested buffer"), MemoryError, "allocate"),
        (Exception("[ONNXRuntimeError] : 1 : FAIL\nmore"), DeviceError, "FAIL.*; reinstall"),
        (MemoryError("no more"), MemoryError, "no more"),
    ],
)
def test_errors_of_the_runtime_become_ours(error, expected, text):
    def fail():
        raise error

    with pytest.raises(expected, match=text):
        _onnx_session.checked(fail)


def test_files_of_weights_are_read_without_torch():
    code = (
        "import sys; from napari_umis_fusion import network;"
        "network.load_checkpoint(network.shipped_weights('plane-ranker'));"
        "print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


@pytest.mark.parametrize("shared", [True, False])
def test_an_arena_is_shared_where_that_is_possible(busy_ranker, shared, monkeypatch):
    monkeypatch.setattr(_onnx_session, "_share_arena", lambda: shared)
    stack = random_stack(4, 40, 50)
    found = by_onnx(busy_ranker, stack)
    np.testing.assert_allclose(found, by_torch(busy_ranker, stack), rtol=0, atol=1e-4)


def test_an_arena_of_another_package_is_left_alone():
    _onnx_session._share_arena()
    _onnx_session._share_arena.cache_clear()
    try:
        assert _onnx_session._share_arena() in (True, False)
    finally:
        _onnx_session._share_arena.cache_clear()
        _onnx_session._share_arena()
