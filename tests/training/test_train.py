"""The loop, mostly with an objective that is made up: what it yields, keeps, saves and refuses."""

import errno
import functools
import itertools
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from napari_umis_fusion.errors import CheckpointError, ConfigError, DeviceError, StackError
from napari_umis_fusion.network import UNetPlusPlus, load_checkpoint, save_checkpoint
from napari_umis_fusion.training import (
    CheckpointFailed,
    CheckpointSaved,
    Preparing,
    StepDone,
    TrainingConfig,
    TrainingFinished,
    TrainingStarted,
    Validated,
    Working,
)
from napari_umis_fusion.training.loop import _train as loop
from napari_umis_fusion.training.loop import _trainer as trainer
from napari_umis_fusion.training.loop import load_state, train, train_to_end
from napari_umis_fusion.training.loop._schedule import learning_rate
from napari_umis_fusion.training.objectives import ValidationExample
from napari_umis_fusion.training.objectives._select import SelectObjective

IMAGES = list(np.random.default_rng(0).random((6, 64, 64), np.float32))
SMALL = {
    "select": {"batch": 6, "patch_px": 32},
    "reconstruct": {"batch": 2, "width_px": 32, "height_px": 34, "learning_rate": 1e-3},
}


class Stub:
    """Fits a line, with batch norm; its scores are made up.

    The threads that make batches and updates are held up where a test asks for it.
    """

    score = "good"
    steps_per_epoch = 5
    validation_examples = 2

    def __init__(self, scores=(), nan_at=None, batch_s=0.0, trial_s=0.0, error=None):
        self.model = nn.Sequential(nn.BatchNorm1d(1, affine=False), nn.Linear(1, 1))
        self.scores = scores or itertools.count(1.0)
        self.nan_at, self.batch_s, self.trial_s, self.error = nan_at, batch_s, trial_s, error
        self.made = []

    def batch(self, step):
        time.sleep(self.batch_s)
        self.made.append(step)
        if self.error:
            raise self.error
        x = torch.from_numpy(np.random.default_rng(step).random((8, 1), np.float32))
        return x * float("nan") if step == self.nan_at else x

    def losses(self, batch, device):
        error = (self.model(batch) - 3 * batch) ** 2
        return {"near": error.mean(), "far": 0.5 * error.amax()}

    def validate_example(self, index, device):
        time.sleep(self.trial_s)
        if index == 0:
            self.now = next(self.scores)
        picture = np.full((3, 4), index, np.float32)
        return ValidationExample(
            {"good": self.now + index, "other": float(index)}, {"picture": picture}
        )


@pytest.fixture
def use(monkeypatch):
    """Make the loop train a stub."""

    def use(**options):
        if "scores" in options:
            options["scores"] = iter(options["scores"])
        stub = Stub(**options)
        monkeypatch.setattr(loop, "make_objective", lambda *_: stub)
        return stub

    return use


@pytest.fixture(autouse=True)
def few_trials(monkeypatch):
    monkeypatch.setattr(SelectObjective, "validation_examples", 2)


def config(**options):
    return TrainingConfig(**{"device": "cpu", "precision": "float32", "threads": 2, **options})


def kinds(events):
    quiet = Working, Preparing
    return [type(event).__name__ for event in events if not isinstance(event, quiet)]


def started(events):
    return next(event for event in events if isinstance(event, TrainingStarted))


def same_weights(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def our_threads():
    return [thread for thread in threading.enumerate() if "umis-fusion" in thread.name]


def test_events_come_in_order(use, tmp_path):
    use()
    events = list(train(IMAGES, config(steps=5, validate_every=2), state=tmp_path / "s.state"))
    step, tried = ["StepDone"], ["Validated", "CheckpointSaved"]
    assert kinds(events) == [
        "TrainingStarted",
        *(step * 2 + tried),
        *(step * 2 + tried),
        *(step + tried),
        "TrainingFinished",
    ]
    first = started(events)
    assert (first.first_step, first.total_steps) == (0, 5)
    assert (first.training_images, first.validation_images, first.test_images) == (5, 1, 0)
    assert (first.device, first.precision, first.parameters) == ("cpu", "float32", 2)
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [event.step for event in steps] == [1, 2, 3, 4, 5]
    for event in steps:
        assert list(event.losses) == ["total", "near", "far"]
        assert event.losses["total"] == pytest.approx(event.losses["near"] + event.losses["far"])
        assert event.learning_rate == learning_rate(config(steps=5), event.step - 1, 5, 5)
    assert [(e.path, e.step) for e in events if isinstance(e, CheckpointSaved)] == [
        (tmp_path / "s.state", step) for step in (2, 4, 5)
    ]


def test_validation_averages_and_shows_the_first_example(use):
    use(scores=[7.0])
    events = list(train(IMAGES, config(steps=1)))
    tried = next(event for event in events if isinstance(event, Validated))
    assert (tried.step, tried.score, tried.is_best) == (1, 7.5, True)
    assert tried.metrics == {"good": 7.5, "other": 0.5}
    assert list(tried.samples) == ["picture"]
    assert (tried.samples["picture"] == 0).all()


def test_it_returns_what_the_last_event_holds(use):
    use()
    events, told = train(IMAGES, config(steps=2)), []
    while True:
        try:
            told.append(next(events))
        except StopIteration as end:
            result = end.value
            break
    assert isinstance(told[-1], TrainingFinished)
    assert told[-1].result is result
    assert (result.reason, result.steps_done) == ("done", 2)


def test_it_never_goes_silent(use):
    stub = use(batch_s=0.4, trial_s=0.03)
    stub.validation_examples = 20
    last, longest, working = time.monotonic(), 0.0, 0
    for event in train(IMAGES, config(steps=1)):
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        working += isinstance(event, Working)
    assert working > 20, "while a batch is made, and after each trial"
    assert longest < 0.35, "not even for as long as a batch takes"


def test_epochs_instead_of_steps(use):
    use()
    events = list(train(IMAGES, config(steps=99, epochs=3, validate_every=0)))
    assert started(events).total_steps == 15
    assert [e.step for e in events if isinstance(e, Validated)] == [5, 10, 15], "0: each epoch"


def test_no_batch_is_made_that_is_not_used(use):
    stub = use()
    train_to_end(IMAGES, config(steps=4))
    assert sorted(stub.made) == [0, 1, 2, 3]


def test_the_best_weights_are_kept(use):
    stub = use(scores=[1.0, 5.0, 3.0, 5.0])
    weights, is_best = {}, []
    for event in train(IMAGES, config(steps=4, validate_every=1, schedule="constant")):
        if isinstance(event, Validated):
            weights[event.step] = {k: v.clone() for k, v in stub.model.state_dict().items()}
            is_best.append(event.is_best)
    result = event.result
    assert is_best == [True, True, False, False], "equally good is no gain"
    assert (result.step, result.score, result.metrics["good"]) == (2, 5.5, 5.5)
    same_weights(result.model.state_dict(), weights[2])
    assert not torch.equal(weights[2]["1.weight"], weights[4]["1.weight"])
    assert not result.model.training


def test_training_stops_without_gain(use):
    use(scores=[1.0, 2.0, 0.0, 2.0, 9.0])
    result = train_to_end(IMAGES, config(steps=50, validate_every=2, patience=2))
    assert (result.reason, result.step, result.steps_done) == ("no_gain", 4, 8)


def test_gain_resets_the_patience(use):
    use(scores=[1.0, 0.0, 2.0, 0.0, 3.0])
    result = train_to_end(IMAGES, config(steps=5, validate_every=1, patience=2))
    assert (result.reason, result.step) == ("done", 5)


def test_a_score_that_is_no_number_is_never_the_best(use):
    use(scores=[float("nan"), 1.0, float("inf"), 0.5])
    result = train_to_end(IMAGES, config(steps=4, validate_every=1))
    assert (result.step, result.score) == (2, 1.5)


@pytest.mark.parametrize("every", [2, 100], ids=["validated", "never validated"])
def test_a_loss_that_is_no_number_ends_it_with_the_last_good_weights(use, every):
    stub = use(nan_at=3)
    weights = {}
    events = []
    for event in train(IMAGES, config(steps=9, validate_every=every)):
        events.append(event)
        if isinstance(event, StepDone):
            weights[event.step] = {k: v.clone() for k, v in stub.model.state_dict().items()}
    result = events[-1].result
    assert (result.reason, result.steps_done) == ("not_finite", 3)
    assert result.step == 3, "the latest good weights are validated, and score best"
    same_weights(result.model.state_dict(), weights[3])
    assert all(tensor.isfinite().all() for tensor in result.model.state_dict().values())
    assert np.isfinite(result.score)


def test_out_of_memory_says_what_to_lower(use):
    use(error=torch.cuda.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(
        DeviceError, match=r"cpu ran out of memory; lower batch \(now 7\), or patch"
    ):
        train_to_end(IMAGES, config(steps=1, batch=7))
    assert our_threads() == []


def test_other_errors_of_a_thread_are_raised(use):
    use(error=ZeroDivisionError("somewhere"))
    with pytest.raises(ZeroDivisionError):
        train_to_end(IMAGES, config(steps=1))
    assert our_threads() == []


@pytest.mark.parametrize(
    "last", [Preparing, TrainingStarted, Working, StepDone, Validated, CheckpointSaved]
)
def test_abandoned_anywhere_it_leaves_nothing_but_where_it_stands(use, tmp_path, last):
    use(batch_s=0.15)
    events = train(IMAGES, config(steps=50, validate_every=1), state=tmp_path / "s.state")
    for event in events:
        if isinstance(event, last):
            break
    events.close()
    assert our_threads() == []
    saved = last in (StepDone, Validated, CheckpointSaved)
    assert [path.name for path in tmp_path.iterdir()] == ["s.state"] * saved
    if saved:
        assert load_state(tmp_path / "s.state").step == 1


def test_an_update_that_is_under_way_is_saved_too(use, tmp_path):
    stub = use()
    busy = threading.Event()
    losses = stub.losses

    def slow(batch, device):
        busy.set()
        time.sleep(0.2)
        return losses(batch, device)

    stub.losses = slow
    events = train(IMAGES, config(steps=50), state=tmp_path / "s.state")
    for _ in events:
        if busy.is_set():
            break
    events.close()
    assert load_state(tmp_path / "s.state").step == 1


INTERRUPTIONS = {
    "after a step": lambda e, seen: isinstance(e, StepDone) and e.step == 5,
    "in the middle of a validation": lambda e, seen: isinstance(e, Working) and seen == 3,
    "after a checkpoint": lambda e, seen: isinstance(e, CheckpointSaved),
}


def seven_steps(objective):
    return config(objective=objective, steps=7, validate_every=3, **SMALL[objective])


@pytest.fixture(scope="module")
def whole_training(tmp_path_factory):
    """Return a function: the events of an objective's training in one go, and its state."""
    folder = tmp_path_factory.mktemp("whole")

    @functools.cache
    def made(objective):
        state = folder / f"{objective}.state"
        return list(train(IMAGES, seven_steps(objective), state=state)), load_state(state)

    return made


# The loop is interrupted, whatever it trains.
RESUMED = [("select", when) for when in INTERRUPTIONS]
RESUMED += [("reconstruct", "in the middle of a validation")]


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "when"), RESUMED)
def test_resumed_it_comes_to_the_same_weights(objective, when, whole_training, tmp_path):
    """Bit for bit: weights, optimiser, best weights and losses."""
    settings, interrupted = seven_steps(objective), INTERRUPTIONS[when]
    whole, other = whole_training(objective)
    state = tmp_path / "parts.state"
    first, before, seen = train(IMAGES, settings, state=state), [], 0
    for event in first:
        before.append(event)
        seen = event.step if isinstance(event, StepDone) else seen
        if interrupted(event, seen):
            break
    first.close()
    rest = list(train(IMAGES, settings, state=state, resume=True))
    assert (started(rest).first_step, started(rest).total_steps) == (seen, 7)
    for kind, numbers in ((StepDone, "losses"), (Validated, "metrics")):
        told, again = (
            [(e.step, getattr(e, numbers)) for e in events if isinstance(e, kind)]
            for events in (whole, before + rest)
        )
        assert again == told
    same_weights(rest[-1].result.model.state_dict(), whole[-1].result.model.state_dict())
    one = load_state(state)
    same_weights(one.weights, other.weights)
    same_weights(one.best.weights, other.best.weights)
    assert (one.best.step, one.best.score) == (other.best.step, other.best.score)
    for number, moments in one.optimizer["state"].items():
        same_weights(moments, other.optimizer["state"][number])


def test_resuming_what_is_done_returns_it(use, tmp_path):
    use(scores=[1.0, 3.0, 2.0])
    options = {"config": config(steps=3, validate_every=1), "state": tmp_path / "s.state"}
    done = train_to_end(IMAGES, **options)
    stub = use()
    again = train_to_end(IMAGES, **options, resume=True)
    assert stub.made == []
    assert (again.step, again.score, again.steps_done) == (2, done.score, 3)
    same_weights(again.model.state_dict(), done.model.state_dict())


def test_resuming_what_had_no_more_gain_stays_there(use, tmp_path):
    settings = config(steps=9, validate_every=1, patience=1)
    use(scores=[2.0, 1.0])
    train_to_end(IMAGES, settings, state=tmp_path / "s.state")
    stub = use()
    again = train_to_end(IMAGES, settings, state=tmp_path / "s.state", resume=True)
    assert (again.reason, again.steps_done) == ("no_gain", 2)
    assert max(stub.made, default=2) <= 3, "nothing is learnt from what was made ahead"


def test_resume_without_a_file_begins(use, tmp_path):
    use()
    events = list(train(IMAGES, config(steps=1), state=tmp_path / "s.state", resume=True))
    assert started(events).first_step == 0
    assert (tmp_path / "s.state").exists()


def test_resume_on_other_hardware_settings(use, tmp_path):
    use()
    train_to_end(IMAGES, config(steps=1), state=tmp_path / "s.state")
    again = train_to_end(
        IMAGES, config(steps=1, threads=1), state=tmp_path / "s.state", resume=True
    )
    assert again.steps_done == 1


def test_resume_is_refused_for_another_training(use, tmp_path):
    use()
    state = tmp_path / "s.state"
    train_to_end(IMAGES, config(steps=1), state=state)
    with pytest.raises(ConfigError, match=r"s\.state belongs to a training with steps=1, not 2"):
        train_to_end(IMAGES, config(steps=2), state=state, resume=True)
    with pytest.raises(ConfigError, match="belongs to a training on other images"):
        train_to_end(IMAGES[:5], config(steps=1), state=state, resume=True)
    with pytest.raises(ConfigError, match=r"resume=True without state; give the file .* state="):
        train_to_end(IMAGES, config(steps=1), resume=True)


@pytest.mark.parametrize("damage", ["truncated", "text", "weights", "folder"])
def test_a_damaged_state_is_refused(use, tmp_path, damage):
    use()
    state = tmp_path / "s.state"
    train_to_end(IMAGES, config(steps=1), state=state)
    if damage == "truncated":
        state.write_bytes(state.read_bytes()[:-400])
    elif damage == "text":
        state.write_text("hello")
    elif damage == "weights":
        torch.save({"1.weight": torch.zeros(1)}, state)
    else:
        state.unlink()
        state.mkdir()
    with pytest.raises(CheckpointError, match=r"s\.state: "):
        train_to_end(IMAGES, config(steps=1), state=state, resume=True)
    with pytest.raises(CheckpointError, match=r"absent\.state: cannot be read"):
        load_state(tmp_path / "absent.state")


def test_state_that_runs_code_is_refused(use, tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("ran",)

    torch.save({"format": 1, "config": Evil()}, tmp_path / "s.state")
    with pytest.raises(CheckpointError, match="damaged, or not the state"):
        load_state(tmp_path / "s.state")


def test_state_is_checked_before_training_and_the_last_one_survives_a_full_disk(
    use, tmp_path, monkeypatch
):
    use()
    with pytest.raises(CheckpointError, match="no file can be written there"):
        train_to_end(IMAGES, config(steps=1), state=tmp_path / "absent" / "s.state")
    state = tmp_path / "s.state"
    train_to_end(IMAGES, config(steps=1), state=state)
    before = state.read_bytes()

    def full(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    events = list(train(IMAGES, config(steps=4, validate_every=2), state=state))
    failed = [event for event in events if isinstance(event, CheckpointFailed)]
    assert [event.step for event in failed] == [2, 4]
    assert all(
        "cannot be saved there (No space left on device)" in event.reason for event in failed
    )
    assert events[-1].result.steps_done == 4, "what was learnt is not lost for want of a checkpoint"
    assert state.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["s.state"]


def test_what_is_the_users_own_is_left_as_it_was():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), torch.get_num_threads(), np.random.get_state()[1]  # noqa: NPY002
    for objective in SMALL:
        train_to_end(IMAGES, config(objective=objective, steps=1, **SMALL[objective]))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()  # noqa: NPY002
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("objective", SMALL)
def test_the_seed_decides_where_training_starts(objective):
    def first(seed):
        settings = config(objective=objective, steps=1, seed=seed, **SMALL[objective])
        return next(e for e in train(IMAGES, settings) if isinstance(e, StepDone)).losses

    torch.manual_seed(1)
    one = first(0)
    torch.manual_seed(2)
    assert first(0) == one
    assert first(1) != one


def test_options_go_on_top_of_the_config(use):
    use()
    result = train_to_end(IMAGES, config(steps=9), steps=2)
    assert (result.steps_done, result.config) == (2, config(steps=2))
    with pytest.raises(ConfigError, match="unknown option stepz"):
        train_to_end(IMAGES, stepz=1)


def test_too_few_images():
    with pytest.raises(StackError, match=r"got 1 usable image; training needs at least 2"):
        train_to_end(IMAGES[0])


@pytest.mark.parametrize(
    ("wanted", "native", "chosen"),
    [
        ("auto", True, "bfloat16"),
        ("auto", False, "float32"),
        ("float32", True, "float32"),
        ("bfloat16", False, "bfloat16"),
    ],
)
def test_precision(use, monkeypatch, wanted, native, chosen):
    use()
    monkeypatch.setattr(trainer, "computes_bfloat16", lambda device: native)
    events = train(IMAGES, config(steps=1, precision=wanted))
    assert started(events).precision == chosen
    events.close()


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    from napari_umis_fusion.network import _device as device

    monkeypatch.setattr(device, "available_devices", lambda: ("cpu",))
    with pytest.raises(DeviceError, match="'cuda' is not available"):
        train_to_end(IMAGES, config(steps=1, device="cuda"))
    events = train(IMAGES, config(steps=1, device="auto"))
    assert started(events).device == "cpu"
    events.close()


def test_threads_are_those_of_the_config(use):
    stub = use()
    seen = []
    losses = stub.losses

    def watched(batch, device):
        seen.append(torch.get_num_threads())
        return losses(batch, device)

    stub.losses = watched
    train_to_end(IMAGES, config(steps=1, threads=3))
    assert seen == [2], "and one makes batches"


@pytest.mark.parametrize("as_path", [True, False])
def test_training_starts_from_given_weights(tmp_path, as_path):
    torch.manual_seed(3)
    given = UNetPlusPlus()
    path = save_checkpoint(tmp_path / "w.safetensors", given)
    start = path if as_path else load_checkpoint(path)
    options = {**SMALL["reconstruct"], "learning_rate": 1e-8, "weight_decay": 0.0}
    settings = config(objective="reconstruct", steps=1, **options)
    trained = train_to_end(IMAGES, settings, start=start).model
    for one, other in zip(given.parameters(), trained.parameters(), strict=True):
        assert (one - other).abs().max() <= 3e-8


def test_the_result_is_saved_with_what_is_known_of_it(tmp_path):
    settings = config(objective="reconstruct", steps=2, **SMALL["reconstruct"])
    result = train_to_end(IMAGES, settings)
    path = result.save(tmp_path / "w.safetensors", note="mine")
    found = load_checkpoint(path)
    same_weights(found.state_dict, result.model.state_dict())
    about = found.metadata
    assert TrainingConfig(**about["config"]) == settings
    assert about["scores"] == result.metrics
    assert (about["steps"], about["note"]) == (result.step, "mine")
    assert about["training_data"]["training_images"] == 5
    assert about["training_data"]["held_out"] == [result.data["held_out"][0]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"schedule": "constant"}, [1.0] * 5),
        ({"schedule": "exponential", "decay": 0.5}, [1, 1, 0.5, 0.5, 0.25]),
        ({"schedule": "one_cycle", "warmup_share": 0.0}, [1, 0.9045, 0.6545, 0.3455, 0.0955]),
        ({"schedule": "one_cycle", "warmup_share": 0.4}, [1 / 3, 2 / 3, 1, 0.75, 0.25]),
    ],
)
def test_learning_rate(options, expected):
    rates = [learning_rate(config(learning_rate=1.0, **options), k, 5, 2) for k in range(5)]
    assert rates == pytest.approx(expected, abs=1e-4)


def test_a_training_fitted_into_its_time_keeps_its_length_when_resumed(use, tmp_path, monkeypatch):
    lengths = iter([4])

    def fit(*_):
        yield Preparing("measuring the speed", 1.0)
        return next(lengths)  # measured once only: another number would be another training

    monkeypatch.setattr(loop, "iter_fit", fit)
    options, state = config(steps=9, minutes=1.0, validate_every=2), tmp_path / "s.state"
    use()
    running = train(IMAGES, options, state=state)
    next(event for event in running if isinstance(event, StepDone) and event.step == 3)
    running.close()
    use()
    events = list(train(IMAGES, options, state=state, resume=True))
    assert (started(events).first_step, started(events).total_steps) == (3, 4)
    assert events[-1].result.steps_done == 4


@pytest.mark.parametrize("limits", [{"minutes": 0.0}, {"minutes": 1.0, "epochs": 1}])
def test_without_a_limit_nothing_is_measured(use, monkeypatch, limits):
    monkeypatch.setattr(loop, "iter_fit", None)
    use()
    assert started(list(train(IMAGES, config(steps=5, **limits)))).total_steps == 5


def test_steps_and_validations_are_computed_on_one_thread(use, monkeypatch):
    """Each thread that computes with torch keeps the memory of a step, and threads of its own."""
    stub, threads = use(), []

    def noting(name):
        original = getattr(stub, name)

        def noted(*arguments):
            threads.append(threading.get_ident())
            return original(*arguments)

        monkeypatch.setattr(stub, name, noted)

    for name in ("losses", "validate_example"):
        noting(name)
    list(train(IMAGES, config(steps=12, validate_every=3, threads=4)))
    assert len(threads) == 12 + 4 * Stub.validation_examples
    assert len(set(threads)) == 1
