"""Fine-tuning: sharp regions of one's own stacks, and weights kept only if they are better."""

import numpy as np
import pytest
import torch

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import StackError
from napari_umis_fusion.network import PlaneRanker, load_checkpoint, save_checkpoint
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.synthetic import make_stack
from napari_umis_fusion.training import (
    Preparing,
    StepDone,
    TrainingConfig,
    TrainingFinished,
    Validated,
)
from napari_umis_fusion.training.data import REGION_PX
from napari_umis_fusion.training.loop import fine_tune, load_state, train
from napari_umis_fusion.training.loop._fine_tune import iter_sharp_regions
from napari_umis_fusion.training.objectives import ValidationExample
from napari_umis_fusion.training.objectives._select import SelectObjective

CLASSICAL = FusionConfig(focus_measure="laplacian")
TINY = {
    "imperfections": 0.0,
    "steps": 2,
    "validate_every": 2,
    "batch": 4,
    "patch_px": 32,
    "precision": "float32",
}


@pytest.fixture(autouse=True)
def few_trials(monkeypatch):
    monkeypatch.setattr(SelectObjective, "validation_examples", 4)
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.STACKS", 2)
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.SIDE_PX", 64)


@pytest.fixture(scope="module")
def stack():
    return make_stack("bumps", (2 * REGION_PX, 3 * REGION_PX), planes=3, channels=None).stack


@pytest.fixture
def weights(tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return save_checkpoint(tmp_path / "start.safetensors", PlaneRanker())


def run(stacks, weights, **options):
    events = list(fine_tune(stacks, start=weights, fusion=CLASSICAL, **{**TINY, **options}))
    assert isinstance(events[-1], TrainingFinished)
    return events, events[-1].result


def test_the_preset_is_a_short_gentle_training():
    default, preset = TrainingConfig(), TrainingConfig.fine_tuning()
    assert preset.objective == "select"
    assert preset.steps < default.steps
    assert preset.learning_rate < default.learning_rate
    assert TrainingConfig.fine_tuning(steps=7).steps == 7


def test_of_few_regions_all_with_detail_are_kept(stack):
    assert len(run_to_end(iter_sharp_regions(stack, CLASSICAL))) == 6


def test_half_of_the_regions_are_kept_the_sharper_half(stack, monkeypatch):
    monkeypatch.setattr("napari_umis_fusion.training.data._sharp_regions.MIN_KEPT", 1)
    blurred = stack.copy()
    blurred[:, :, : REGION_PX * 3 // 2] = stack.mean(axis=(1, 2), keepdims=True)
    images = run_to_end(iter_sharp_regions(blurred, CLASSICAL))
    assert len(images) == 3
    assert all(image.shape == (REGION_PX, REGION_PX) for image in images.images)
    assert all(not name.endswith(", 0") for name in images.names), "which is flat"
    for image in images.images:
        assert image.dtype == np.float32
        assert 0 <= image.min() < image.max() <= 1


def test_noise_alone_is_no_detail():
    """Though it is what a focus measure finds most of."""
    rng = np.random.default_rng(0)
    stack = make_stack("bumps", (2 * REGION_PX, 4 * REGION_PX), planes=3, channels=None).stack
    stack = stack.copy()
    stack[:, :, 2 * REGION_PX :] = rng.integers(0, 255, stack[:, :, 2 * REGION_PX :].shape)
    images = run_to_end(iter_sharp_regions(stack, CLASSICAL))
    assert len(images) == 4
    columns = [int(name.split(", ")[-1]) for name in images.names]
    assert all(column < 2 * REGION_PX for column in columns)


def test_each_stack_is_a_source(stack):
    images = run_to_end(iter_sharp_regions([stack, stack], CLASSICAL))
    assert sorted(set(images.sources)) == ["stack 0", "stack 1"]


@pytest.mark.parametrize(
    "useless",
    [np.zeros((3, 300, 300), np.uint8), np.random.default_rng(0).random((3, 50, 300))],
    ids=["flat", "small"],
)
def test_stacks_without_detail_are_refused(useless):
    with pytest.raises(StackError, match="no region with detail"):
        run_to_end(iter_sharp_regions(useless, CLASSICAL))


def test_the_start_is_tried_first(stack, weights):
    events, result = run(stack, weights)
    assert isinstance(events[0], Preparing)
    first = next(event for event in events if isinstance(event, Validated))
    assert first.step == 0
    assert result.start_metrics == first.metrics


def test_worse_weights_do_not_replace_the_start(stack, weights):
    _, result = run(stack, weights, learning_rate=1.0)
    assert not result.improved
    assert result.metrics == result.start_metrics
    before = load_checkpoint(weights).state_dict
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in result.model.state_dict().items()
    )


def test_better_weights_do(stack, weights, monkeypatch):
    start = load_checkpoint(weights).state_dict["head.weight"]

    def validate_example(objective, index, device):
        moved = not torch.equal(objective.model.head.weight.detach(), start)
        return ValidationExample({"psnr": 31.0 if moved else 30.0}, {})

    monkeypatch.setattr(SelectObjective, "validate_example", validate_example)
    _, result = run(stack, weights)
    assert result.improved
    assert result.step == 2
    assert (result.start_metrics, result.metrics) == ({"psnr": 30.0}, {"psnr": 31.0})
    assert not torch.equal(result.model.head.weight, start)


def test_a_resumed_run_still_knows_its_start(stack, weights, tmp_path):
    state = tmp_path / "own.state"
    options = {**TINY, "steps": 4}
    events = fine_tune(stack, start=weights, fusion=CLASSICAL, state=state, **options)
    seen = 0
    for event in events:
        seen += isinstance(event, Validated)
        if seen == 2 and not isinstance(event, Validated):
            break
    events.close()
    again = fine_tune(stack, start=weights, fusion=CLASSICAL, state=state, resume=True, **options)
    result = run_to_end(again)
    _, whole = run(stack, weights, **options)
    assert result.start_metrics == whole.start_metrics
    assert result.metrics == whole.metrics


REGIONS = list(np.random.default_rng(0).random((5, 64, 64), np.float32))
PRESET = TrainingConfig.fine_tuning(
    **{**TINY, "steps": 11, "validate_every": 4},
    keep_weight=2.0,
    test_share=0.0,
    minutes=0.0,
    threads=2,
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, ranker_weights):
    """Return the state and the result of the preset, short and kept near its start."""
    state = tmp_path_factory.mktemp("whole") / "s.state"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SelectObjective, "validation_examples", 2)
        *_, last = train(REGIONS, PRESET, start=ranker_weights, state=state)
    return load_state(state), last.result


@pytest.mark.parametrize("seed", range(2))
def test_resumed_at_any_step_the_preset_ends_with_the_same_weights(
    seed, tmp_path, monkeypatch, ranker_weights, uninterrupted
):
    """Bit for bit, though scenes, fixed features and the initial scores begin anew."""
    monkeypatch.setattr(SelectObjective, "validation_examples", 2)
    assert (PRESET.layers, PRESET.scene_uses) == ("late", 8)
    whole, ended = uninterrupted
    options = {"start": ranker_weights, "state": tmp_path / "s.state", "resume": True}
    for stop in sorted(np.random.default_rng(seed).integers(1, PRESET.steps, 2)):
        events = train(REGIONS, PRESET, **options)
        for event in events:
            if isinstance(event, StepDone) and event.step >= stop:
                break
        events.close()
    *_, last = train(REGIONS, PRESET, **options)
    found = load_state(tmp_path / "s.state")
    assert found.curve.rows == whole.curve.rows
    same = found.weights, found.best.weights, last.result.model.state_dict()
    wanted = whole.weights, whole.best.weights, ended.model.state_dict()
    for weights, others in zip(same, wanted, strict=True):
        assert all(torch.equal(weights[name], others[name]) for name in others)
