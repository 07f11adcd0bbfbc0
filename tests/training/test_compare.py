"""The result against the initial weights, on stacks that neither has seen."""

from itertools import count

import numpy as np
import pytest
import torch

from napari_umis_fusion.network import (
    PlaneRanker,
    load_checkpoint,
    save_checkpoint,
    shipped_weights,
)
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.synthetic import make_stack
from napari_umis_fusion.training import Compared, Comparison, Noted, TrainingConfig
from napari_umis_fusion.training.data import ImageSet
from napari_umis_fusion.training.loop import _compare as module
from napari_umis_fusion.training.loop import train
from napari_umis_fusion.training.loop._compare import iter_compare, iter_comparison_s
from napari_umis_fusion.training.loop._judge import NO_BETTER
from napari_umis_fusion.training.objectives import ValidationExample
from napari_umis_fusion.training.objectives._select import SelectObjective

TINY = {
    "imperfections": 0.0,
    "batch": 4,
    "patch_px": 32,
    "device": "cpu",
    "precision": "float32",
    "threads": 2,
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(SelectObjective, "validation_examples", 2)
    monkeypatch.setattr(module, "STACKS", 4)
    monkeypatch.setattr(module, "SIDE_PX", 64)


@pytest.fixture(scope="module")
def images():
    truth = make_stack("bumps", (200, 300), planes=3, channels=None).all_in_focus
    grey = truth.astype(np.float32) / 255
    cuts = (grey[:100, :100], grey[:100, 100:200], grey[100:, :100], grey[100:, 200:])
    return ImageSet(cuts, tuple("abcd"), tuple("abcd"))


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """Weights that choose planes at random."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PlaneRanker()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, 0, 0.3)
        return save_checkpoint(tmp_path_factory.mktemp("w") / "random.safetensors", model)


def compare(before, after, images, **options):
    settings = TrainingConfig(**TINY)
    return run_to_end(iter_compare(before, after, images, settings, stacks=4, **options))


@pytest.mark.slow
def test_better_weights_are_told_from_worse_ones(images, random_weights):
    good = shipped_weights("plane-ranker")
    better, worse = compare(random_weights, good, images), compare(good, random_weights, images)
    assert better.gain_db == pytest.approx(-worse.gain_db)
    assert better.gain_db > 1
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert (better.better, worse.better, better.stacks) == (4, 0, 4)
    assert (better.initial_name, worse.initial_name) == ("random", "plane-ranker")
    assert better.trained["ssim"] > better.initial["ssim"]
    assert set(better.samples) == {"truth", "initial", "result"}
    assert all(picture.shape == (64, 64) for picture in better.samples.values())


def test_the_same_weights_are_equal(images):
    weights = shipped_weights("plane-ranker")
    same = compare(weights, weights, images)
    assert same.initial == same.trained
    assert (same.gain_db, same.better, same.verdict) == (0, 0, "unclear")


@pytest.mark.parametrize(
    ("gain", "error", "verdict"),
    [(0.5, 0.2, "better"), (0.5, 0.25, "unclear"), (-0.5, 0.2, "worse"), (-0.1, 0.2, "unclear")],
)
def test_a_difference_counts_from_two_standard_errors_on(gain, error, verdict):
    comparison = Comparison(
        "w", {"psnr": 30.0}, {"psnr": 30.0 + gain}, 8, 4, error, unseen=True, samples={}
    )
    assert comparison.verdict == verdict
    assert comparison.as_dict()["after"] == {"psnr": 30.0 + gain}
    assert "samples" not in comparison.as_dict()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test_share", "validation_share", "unseen"), [(0.25, 0.25, True), (0.1, 0.5, False)]
)
def test_training_ends_with_the_comparison(
    images, random_weights, monkeypatch, test_share, validation_share, unseen
):
    told = {}

    def noted(before, after, held, settings, **options):
        told.update(options, names=held.names, before=before)
        return iter_compare(before, after, held, settings, **options)

    monkeypatch.setattr("napari_umis_fusion.training.loop._judge.iter_compare", noted)
    scores = count(30.0)  # whatever two steps do to such a start
    monkeypatch.setattr(
        SelectObjective,
        "validate_example",
        lambda *_: ValidationExample({"psnr": next(scores)}, {}),
    )
    few = images if unseen else images.part([0, 1])
    shares = {"test_share": test_share, "validation_share": validation_share}
    settings = TrainingConfig(steps=2, validate_every=1, learning_rate=1e-2, **TINY, **shares)
    events = list(train(few, settings, start=random_weights))
    result = events[-1].result
    (compared,) = [e.comparison for e in events if isinstance(e, Compared)]
    assert compared is result.comparison
    assert compared.unseen is told["unseen"] is unseen
    held = result.data["test"] if unseen else result.data["held_out"]
    assert sorted(told["names"]) == held
    assert told["before"] == random_weights
    assert not set(result.data.get("test", [])) & set(result.data["held_out"])


@pytest.mark.parametrize(("gain", "kept"), [(-0.2, True), (0.0, True), (0.1, False)])
def test_what_the_comparison_finds_no_better_is_not_kept(
    images, random_weights, monkeypatch, gain, kept
):
    found = Comparison(
        "w", {"psnr": 30.0}, {"psnr": 30.0 + gain}, 4, 2, 0.2, unseen=True, samples={}
    )

    def compared(*arguments, **options):
        yield
        return found

    monkeypatch.setattr("napari_umis_fusion.training.loop._judge.iter_compare", compared)
    scores = iter([30.0, 31.0])
    monkeypatch.setattr(
        SelectObjective,
        "validate_example",
        lambda *_: ValidationExample({"psnr": next(scores)}, {}),
    )
    monkeypatch.setattr(SelectObjective, "validation_examples", 1)
    events = list(
        train(images, TrainingConfig(steps=1, test_share=0.25, **TINY), start=random_weights)
    )
    result = events[-1].result
    assert result.comparison is found
    assert result.improved is not kept
    assert (result.step, result.score) == ((0, 30.0) if kept else (1, 31.0))
    told = [event.text for event in events if isinstance(event, Noted)]
    assert told == ([NO_BETTER] if kept else [])
    before = load_checkpoint(random_weights).state_dict
    same = [torch.equal(p, before[name]) for name, p in result.model.state_dict().items()]
    assert all(same) is kept


def test_from_nothing_it_is_compared_with_the_weights_of_the_package(images):
    settings = TrainingConfig(steps=1, test_share=0.25, **TINY)
    result = list(train(images, settings))[-1].result
    assert result.comparison.initial_name == "plane-ranker"


def test_a_comparison_that_fails_loses_nothing(images, monkeypatch):
    def full(*arguments, **options):
        yield
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_umis_fusion.training.loop._judge.iter_compare", full)
    events = list(train(images, TrainingConfig(steps=1, test_share=0.25, **TINY)))
    assert events[-1].result.improved
    assert events[-1].result.comparison is None
    (noted,) = [event.text for event in events if isinstance(event, Noted)]
    assert "could not be compared with the initial weights: [Errno 28] No space left" in noted


def test_the_comparison_is_saved_with_the_weights(images, tmp_path):
    result = list(train(images, TrainingConfig(steps=1, test_share=0.25, **TINY)))[-1].result
    found = load_checkpoint(result.save(tmp_path / "w.safetensors")).metadata
    assert found["comparison"] == result.comparison.as_dict()


def test_without_a_test_share_nothing_is_compared(images):
    result = list(train(images, TrainingConfig(steps=1, **TINY)))[-1].result
    assert result.comparison is None


def test_the_time_that_it_takes_is_that_of_a_few_stacks_by_their_planes(images, monkeypatch):
    asked = []

    def comparing(initial, trained, images, config, stacks):
        assert trained == initial
        yield asked.append(stacks)

    times = iter([5.0, 8.0])
    monkeypatch.setattr(module, "iter_compare", comparing)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(times))
    monkeypatch.setattr(module, "STACKS", 96)
    weights, config = shipped_weights("plane-ranker"), TrainingConfig(planes=10)
    seconds = run_to_end(iter_comparison_s(weights, images, config))
    assert asked == [1, module.TIMED], "what is loaded once is loaded before"
    # 96 stacks of 7 to 13 planes, of which three took 3 s.
    assert 70 < seconds < 130
