"""How many steps fit into the time that a training may take."""

import pytest
import torch
from torch import nn

from napari_umis_fusion.training import Noted, Preparing, TrainingConfig
from napari_umis_fusion.training.loop import _pace as pace
from napari_umis_fusion.training.loop._trainer import Trainer


class Objective:
    """A line to fit, with batch norm, whose buffers every forward pass changes."""

    steps_per_epoch = 5
    validation_examples = 10

    def __init__(self):
        self.model = nn.Sequential(nn.BatchNorm1d(1, affine=False), nn.Linear(1, 1))
        self.made = []

    def batch(self, step):
        self.made.append(step)
        return torch.rand(8, 1, generator=torch.Generator().manual_seed(step))

    def losses(self, batch, device):
        return {"line": ((self.model(batch) - 3 * batch) ** 2).mean()}

    def validate_example(self, index, device):
        return None


@pytest.fixture
def clock(monkeypatch):
    """Let the measured steps take 16 s, four validation examples 4 s and once more 2 s."""
    times = iter([0.0, 16.0, 20.0, 24.0, 26.0])
    monkeypatch.setattr(pace.time, "perf_counter", lambda: next(times))


def fit(total, comparing=None, **options):
    objective = Objective()
    config = TrainingConfig(steps=total, threads=1, **options)
    trainer = Trainer(objective, config, torch.device("cpu"), 1)
    before = {name: part.clone() for name, part in trainer.model.state_dict().items()}
    events, fitting = [], None
    running = pace.iter_fit(trainer, total, comparing)
    while True:
        try:
            events.append(next(running))
        except StopIteration as done:
            fitting = done.value
            break
    for name, part in trainer.model.state_dict().items():
        assert torch.equal(part, before[name]), name
    assert all(isinstance(event, Preparing) for event in events[:-1])
    assert isinstance(events[-1], Noted)
    return fitting, events[-1].text, objective


def test_all_steps_are_made_if_they_fit(clock):
    # 2 s a step, 10 s for the first validation, and 5 s for one each 250 steps.
    fitting, note, _ = fit(500, minutes=30.0)
    assert fitting == 500
    assert note == "500 steps take about 17 minutes on this machine"


def test_else_as_many_as_fit_and_the_note_says_how_to_make_them_all(clock):
    fitting, note, objective = fit(2000, minutes=10.0)
    assert fitting == int((600 - 10) / 2.02)
    assert "2,000 steps take about 68 minutes" in note
    assert "292 are made, which take about 10 minutes" in note
    assert "set minutes to 0" in note
    assert sorted(objective.made)[:10] == list(range(pace.WARM_UP + pace.MEASURED))
    assert len(objective.made) <= pace.WARM_UP + pace.MEASURED + pace.AHEAD, "as in the training"


def test_the_comparison_at_the_end_counts_too(clock):
    def comparing():
        yield
        return 120.0

    fitting, note, _ = fit(2000, comparing(), minutes=10.0)
    assert fitting == int((600 - 130) / 2.02)
    assert "2,000 steps take about 70 minutes" in note
    assert "which take about 10 minutes" in note


def test_a_machine_however_slow_makes_some(clock):
    assert fit(2000, minutes=0.1)[0] == pace.FEWEST_STEPS


def test_a_training_shorter_than_that_is_made_whole(clock):
    assert fit(20, minutes=0.1)[0] == 20


@pytest.mark.parametrize(
    ("seconds", "text"), [(50, "50 seconds"), (89, "89 seconds"), (600, "10 minutes")]
)
def test_durations_are_told_in_units_that_fit(seconds, text):
    assert pace._minutes(seconds) == text
