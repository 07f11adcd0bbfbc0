"""What a training is told from outside: to stop, and what to make pictures of."""

import itertools
import threading

import numpy as np
import pytest
import torch

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.network import load_checkpoint, shipped_weights
from napari_umis_fusion.synthetic import make_stack
from napari_umis_fusion.training import (
    CheckpointSaved,
    Noted,
    Pictured,
    StepDone,
    TrainingConfig,
    TrainingFinished,
    Validated,
)
from napari_umis_fusion.training.loop import train
from napari_umis_fusion.training.loop._monitor import StackMonitor, fusion_with
from napari_umis_fusion.training.loop._run import TrainingRun
from napari_umis_fusion.training.objectives import ValidationExample
from napari_umis_fusion.training.objectives._select import SelectObjective

IMAGES = list(np.random.default_rng(0).random((6, 64, 64), np.float32))
TINY = {"batch": 4, "patch_px": 32, "device": "cpu", "precision": "float32", "threads": 2}


@pytest.fixture(autouse=True)
def few_trials(monkeypatch):
    monkeypatch.setattr(SelectObjective, "validation_examples", 2)


@pytest.fixture(scope="module")
def stack():
    return make_stack("discs", (48, 64), planes=3, channels=None).stack


def config(**options):
    return TrainingConfig(**{**TINY, **options})


def stop_when(is_time, **options):
    """Train, set the event at a time, and return all that was told."""
    stop, told = threading.Event(), []
    start = options.pop("start", None)
    for event in train(IMAGES, config(**options), stop=stop, start=start):
        told.append(event)
        if is_time(event):
            stop.set()
    return told, told[-1].result


def test_stopped_it_keeps_the_best():
    told, result = stop_when(
        lambda e: isinstance(e, StepDone) and e.step == 5, steps=50, validate_every=2
    )
    assert (result.reason, result.steps_done) == ("stopped", 5)
    scores = {e.step: e.score for e in told if isinstance(e, Validated)}
    assert list(scores) == [2, 4, 5], "the latest may be the best"
    assert (result.step, result.score) == max(scores.items(), key=lambda item: item[1])


def test_stopped_before_the_first_validation_it_makes_one():
    told, result = stop_when(lambda e: isinstance(e, StepDone), steps=50, validate_every=40)
    assert [e.step for e in told if isinstance(e, Validated)] == [1]
    assert (result.reason, result.step) == ("stopped", 1)
    assert np.isfinite(result.score)


def test_stopped_before_the_first_validation_the_start_is_not_all_that_is_known(monkeypatch):
    scores = iter((30.0, 31.0))

    def validate_example(objective, index, device):
        if index == 0:
            validate_example.score = next(scores)
        return ValidationExample({"psnr": validate_example.score}, {})

    monkeypatch.setattr(SelectObjective, "validate_example", validate_example)
    weights = shipped_weights("plane-ranker")
    _, result = stop_when(
        lambda e: isinstance(e, StepDone) and e.step == 3,
        steps=50,
        validate_every=40,
        start=weights,
    )
    assert (result.reason, result.step, result.improved) == ("stopped", 3, True)
    assert result.start_metrics == {"psnr": 30.0}


def test_interrupted_right_after_the_start_it_still_knows_it(tmp_path):
    weights, state = shipped_weights("plane-ranker"), tmp_path / "s.state"
    options = {"start": weights, "state": state}
    settings = config(steps=4, validate_every=4, learning_rate=1e-8)
    events = train(IMAGES, settings, **options)
    assert any(isinstance(event, CheckpointSaved) for event in events)
    saved = state.read_bytes()  # as after a crash: nothing is saved later
    events.close()
    state.write_bytes(saved)
    *_, again = train(IMAGES, settings, **options, resume=True)
    *_, whole = train(IMAGES, settings, start=weights)
    assert again.result.start_metrics == whole.result.start_metrics
    assert again.result.improved == whole.result.improved


def test_stopped_at_once_from_nothing_there_is_no_outcome():
    stop = threading.Event()
    stop.set()
    *_, last = train(IMAGES, config(steps=5, test_share=0.2), stop=stop)
    assert not last.result.improved
    assert last.result.comparison is None


def test_stopped_in_a_validation_it_does_not_finish_it(monkeypatch):
    monkeypatch.setattr(SelectObjective, "validation_examples", 1000)
    tried = itertools.count()
    original = SelectObjective.validate_example

    def counted(objective, index, device):
        next(tried)
        return original(objective, index, device)

    monkeypatch.setattr(SelectObjective, "validate_example", counted)
    weights = shipped_weights("plane-ranker")
    stop = threading.Event()
    events = train(IMAGES, config(steps=5), start=weights, stop=stop)
    for event in events:
        if next(tried) > 4:
            stop.set()
        if isinstance(event, TrainingFinished):
            break
    assert next(tried) < 100
    assert event.result.reason == "stopped"
    assert not event.result.improved, "nothing was trained"
    before = load_checkpoint(weights).state_dict
    for name, tensor in event.result.model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_pictures_show_what_is_watched_with_the_start_and_with_now(stack):
    weights = shipped_weights("plane-ranker")
    settings = config(steps=4, validate_every=2, learning_rate=1e-2)
    events = list(train(IMAGES, settings, start=weights, watch=lambda: stack))
    pictures = [e for e in events if isinstance(e, Pictured)]
    assert [e.step for e in pictures] == [0, 2, 4]
    for picture in pictures:
        assert picture.stack is stack
        assert picture.current.shape == picture.initial.shape == stack.shape[1:]
        assert picture.current.dtype == picture.initial.dtype == stack.dtype
        np.testing.assert_array_equal(picture.initial, pictures[0].initial)
    np.testing.assert_array_equal(pictures[0].current, pictures[0].initial)
    assert (pictures[2].current != pictures[2].initial).any()


def test_another_stack_is_pictured_at_once(stack):
    other = stack[::-1].copy()
    watched, steps = [stack], []
    for event in train(IMAGES, config(steps=6, validate_every=6), watch=lambda: watched[0]):
        if isinstance(event, StepDone) and event.step == 3:
            watched[0] = other
        if isinstance(event, Pictured):
            steps.append((event.step, event.stack is other))
    assert steps == [(0, False), (3, True), (6, True)]


def test_watching_does_not_change_what_is_learnt(stack):
    results = [
        list(train(IMAGES, config(steps=3, validate_every=2), watch=watch))[-1].result
        for watch in (None, lambda: stack)
    ]
    one, other = (result.model.state_dict() for result in results)
    assert all(torch.equal(one[name], other[name]) for name in one)


class Broken:
    """A lazy stack whose file is gone."""

    shape, dtype, ndim = (3, 40, 40), np.dtype(np.uint8), 3

    def __getitem__(self, index):
        raise KeyError("chunk 0.0.0")


@pytest.mark.parametrize("watched", [np.zeros((3, 4)), Broken()], ids=["no stack", "broken"])
def test_a_stack_that_cannot_be_fused_is_told_and_training_goes_on(watched):
    events = list(train(IMAGES, config(steps=2, validate_every=1), watch=lambda: watched))
    noted = [e.text for e in events if isinstance(e, Noted)]
    assert len(noted) == 3
    assert all(text.startswith("the monitored region cannot be fused: ") for text in noted)
    assert events[-1].result.steps_done == 2


def test_nothing_watched_makes_no_picture(tmp_path):
    monitor = StackMonitor(lambda: None, tmp_path / "absent", config())
    assert list(monitor.iter_fuse_monitored({}, 1)) == []
    assert not monitor.has_changed


@pytest.mark.parametrize(
    ("objective", "measure", "blend"),
    [("select", "learned", "weighted"), ("reconstruct", "umis", "select")],
)
def test_each_network_fuses_as_its_users_do(objective, measure, blend):
    weights = shipped_weights("plane-ranker")
    made = fusion_with(weights, config(objective=objective, threads=1))
    assert (made.focus_measure, made.blend, made.checkpoint) == (measure, blend, str(weights))
    assert (made.device, made.threads) == ("cpu", 1)


def test_what_an_update_broke_is_not_saved(tmp_path):
    class Broken:
        def result(self):
            raise StackError("the update failed")

    run = TrainingRun.__new__(TrainingRun)
    run._update, run._where, run.step, run._saved = Broken(), tmp_path / "s.state", 5, 0
    run.save_checkpoint_now()
    assert list(tmp_path.iterdir()) == []
