"""The command line and napari keep trainings in one way: either resumes the other's."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from napari_umis_fusion.cli import main
from napari_umis_fusion.cli._training_report import TrainingReport
from napari_umis_fusion.network import load_checkpoint
from napari_umis_fusion.training import StepDone, TrainingConfig
from napari_umis_fusion.training.loop import load_state, train
from napari_umis_fusion.training.session import TrainingSession, last_session

OPTIONS = ["--steps", "4", "--validate-every", "3", "--learning-rate", "0.01"]
OPTIONS += ["--device", "cpu", "--precision", "float32", "--threads", "2"]
CONFIG = TrainingConfig(
    steps=4, validate_every=3, learning_rate=0.01, device="cpu", precision="float32", threads=2
)
COMMAND = ["train", "data", "-o", "w.safetensors", *OPTIONS]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, quick_aim):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for number, image in enumerate(np.random.default_rng(0).integers(0, 255, (4, 64, 64))):
        Image.fromarray(image.astype(np.uint8)).save(f"data/{number}.png")
    quick_aim()
    return tmp_path


@pytest.fixture
def whole(here):
    assert main([*COMMAND, "-o", "whole.safetensors"]) == 0
    return load_checkpoint("whole.safetensors")


@pytest.fixture
def interrupt(monkeypatch):
    """Return a function that runs a command and presses Ctrl-C after its second step."""
    take = TrainingReport.on_event

    def pressed(self, event):
        take(self, event)
        if isinstance(event, StepDone) and event.step == 2:
            raise KeyboardInterrupt

    def interrupt(command):
        with monkeypatch.context() as patch:
            patch.setattr(TrainingReport, "on_event", pressed)
            assert main(command) == 130

    return interrupt


def suspended(session, data, step=2):
    events = session.train(data)
    next(event for event in events if isinstance(event, StepDone) and event.step == step)
    events.close()
    return session


def assert_same(found, whole):
    assert all(torch.equal(found[name], tensor) for name, tensor in whole.state_dict.items())


def test_napari_goes_on_with_what_the_command_line_began(here, interrupt, whole):
    interrupt(COMMAND)
    shutil.rmtree("data")
    session = last_session()
    assert session.folder == here / "w.state"
    assert (session.origin.name, session.config) == ("w", CONFIG)
    *_, last = session.train()
    assert_same(last.result.model.state_dict(), whole)
    assert [row["step"] for row in session.curve.rows] == [1, 2, 3, 4]
    session.discard()
    assert last_session() is None
    assert not (here / "w.state").exists()


@pytest.mark.slow
@pytest.mark.parametrize("state", ["found by itself", "folder", "file in it"])
def test_the_command_line_goes_on_with_what_napari_began(here, whole, state, ranker_weights):
    begun = TrainingSession.create(
        CONFIG, name="scorpion", initial_weights=ranker_weights, initial_name="ours"
    )
    suspended(begun, ["data"])
    shutil.rmtree("data")
    places = {"folder": begun.folder, "file in it": begun.state}
    given = ["--state", str(places[state])] if state in places else []
    assert main(["train", "-o", "w.safetensors", "--resume", "--threads", "1", *given]) == 0
    found = load_checkpoint("w.safetensors")
    expected = TrainingSession.create(CONFIG, name="other", initial_weights=ranker_weights)
    (here / "data").mkdir()
    for number, image in enumerate(np.random.default_rng(0).integers(0, 255, (4, 64, 64))):
        Image.fromarray(image.astype(np.uint8)).save(f"data/{number}.png")
    *_, last = expected.train(["data"])
    state = found.state_dict
    assert all(
        torch.equal(state[name], tensor) for name, tensor in last.result.model.state_dict().items()
    )
    assert (found.metadata["name"], found.metadata["parent"]) == ("scorpion", "ours")
    assert len((here / "w-loss.csv").read_text().splitlines()) == 1 + 5, "0 to 4"
    assert not begun.folder.exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--steps", "9"], "belongs to a training with steps=4, not 9"),
        (["--own-stacks"], "belongs to a training with "),
        (["other"], "data; leave out DATA to resume it"),
        (
            ["--start", "plane-ranker"],
            "an untrained network as initial weights; leave out --start",
        ),
    ],
)
def test_another_training_is_not_gone_on_with(here, interrupt, capsys, options, text):
    interrupt(COMMAND)
    capsys.readouterr()
    (here / "other").mkdir()
    assert main(["train", "-o", "w.safetensors", "--resume", *options]) == 2
    assert text in capsys.readouterr().err
    assert load_state("w.state").step == 2


def test_nothing_to_go_on_with_is_told(capsys):
    assert main(["train", "-o", "w.safetensors", "--resume"]) == 1
    assert "no interrupted training of napari was found; give DATA" in capsys.readouterr().err
    assert main(["train", "-o", "w.safetensors"]) == 2
    assert "no training data; give DATA" in capsys.readouterr().err


def test_a_session_at_work_is_not_gone_on_with(here, capsys):
    session = suspended(TrainingSession.create(CONFIG, name="mine"), ["data"])
    events = session.train()
    next(event for event in events if isinstance(event, StepDone))
    command = ["train", "-o", "w.safetensors", "--resume", "--state", str(session.folder)]
    assert main(command) == 1
    assert "this training is in use by process" in capsys.readouterr().err
    events.close()
    assert main(command) == 0


def old_state(path, curve_path):
    """Write state and curve as versions before sessions did: two files, no row in the state."""
    events = train(["data"], CONFIG, state=path)
    next(event for event in events if isinstance(event, StepDone) and event.step == 2)
    events.close()
    content = torch.load(path, weights_only=True)
    load_state(path).curve.save_csv(curve_path)
    del content["curve"]
    torch.save(content, path)


def test_a_state_of_an_earlier_version_goes_on(here, whole, interrupt, capsys):
    old_state(here / "w.state", here / "w-loss.csv")
    assert load_state("w.state").curve is None
    kept = (here / "w.state").read_bytes()
    assert main(COMMAND) == 2
    assert "holds an interrupted training; add --resume" in capsys.readouterr().err
    assert main([*COMMAND, "--resume", "--steps", "9"]) == 2
    (here / "few").mkdir()
    for number in range(3):
        shutil.copy(f"data/{number}.png", "few")
    assert main(["train", "few", "-o", "w.safetensors", *OPTIONS, "--resume"]) == 2
    assert "belongs to a training on other images" in capsys.readouterr().err
    assert main(["train", "-o", "w.safetensors", "--resume"]) == 2
    assert "holds no images; give the DATA" in capsys.readouterr().err
    assert (here / "w.state").read_bytes() == kept, "refused, it is as it was"
    assert sorted(path.name for path in here.iterdir() if path.name[0] == ".") == []
    assert main([*COMMAND, "--resume"]) == 0
    assert_same(load_checkpoint("w.safetensors").state_dict, whole)
    assert (here / "w-loss.csv").read_bytes() == (here / "whole-loss.csv").read_bytes()
    assert not (here / "w.state").exists()


def test_a_state_of_a_script_becomes_a_session_that_napari_goes_on_with(here, whole, monkeypatch):
    old_state(here / "w.state", here / "w-loss.csv")

    def pressed(self, event):
        if isinstance(event, StepDone):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingReport, "on_event", pressed)
        assert main([*COMMAND, "--resume"]) == 130
    session = last_session()
    assert session.folder == here / "w.state"
    *_, last = session.train()
    assert_same(last.result.model.state_dict(), whole)
    assert [row["step"] for row in session.curve.rows] == [1, 2, 3, 4]


def test_a_script_goes_on_with_a_session(here, interrupt, whole):
    interrupt(COMMAND)
    *_, last = train(["data"], CONFIG, state="w.state", resume=True)
    assert_same(last.result.model.state_dict(), whole)


def test_a_session_interrupted_again_before_its_first_step_is_kept(here, monkeypatch, capsys):
    session = TrainingSession.create(CONFIG, name="mine")
    events = session.train(["data"])
    while not session.can_resume:
        next(events)
    events.close()

    def pressed(self, event):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingReport, "on_event", pressed)
    assert main(["train", "-o", "w.safetensors", "--resume"]) == 130
    assert session.can_resume
    assert json.loads((session.folder / "session.json").read_text())["origin"]["name"] == "mine"
