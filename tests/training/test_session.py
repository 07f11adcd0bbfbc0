"""A training in a folder of its own: it goes on after everything else is gone."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from napari_umis_fusion.errors import BusyError, CheckpointError, StackError
from napari_umis_fusion.network import load_checkpoint, shipped_weights
from napari_umis_fusion.training import (
    CheckpointSaved,
    Noted,
    StepDone,
    TrainingConfig,
    TrainingFinished,
    TrainingStarted,
)
from napari_umis_fusion.training._session_folder import FOLDER_VARIABLE, is_locked, sessions_folder
from napari_umis_fusion.training.loop import train
from napari_umis_fusion.training.objectives._select import SelectObjective
from napari_umis_fusion.training.session import CurveRestored, TrainingSession, last_session

IMAGES = list(np.random.default_rng(0).random((6, 64, 64), np.float32))
TINY = {"batch": 4, "patch_px": 32, "device": "cpu", "precision": "float32", "threads": 2}
SETTINGS = TrainingConfig(steps=6, validate_every=2, **TINY)


@pytest.fixture(autouse=True)
def few_trials(monkeypatch):
    monkeypatch.setattr(SelectObjective, "validation_examples", 2)


def begin(root, **options):
    return TrainingSession.create(SETTINGS, name="mine", root=root, **options)


def run(session, data=None, until=lambda event: False):
    """Train until it is time to abandon it, and return what was told."""
    events, told = session.train(data), []
    for event in events:
        told.append(event)
        if until(event):
            break
    events.close()
    return told


def files(session):
    return sorted(path.name for path in session.folder.iterdir())


def test_interrupted_it_goes_on_to_the_same_weights_without_data_and_start(tmp_path):
    weights = tmp_path / "start.safetensors"
    weights.write_bytes(shipped_weights("plane-ranker").read_bytes())
    whole = run(begin(tmp_path / "whole", initial_weights=weights), IMAGES)[-1].result
    session = begin(tmp_path / "parts", initial_weights=weights)
    before = run(session, IMAGES, until=lambda e: isinstance(e, StepDone) and e.step == 3)
    weights.unlink()
    found = last_session(tmp_path / "parts")
    assert found.folder == session.folder
    after = run(found)
    assert next(e for e in after if isinstance(e, TrainingStarted)).first_step == 3
    result = after[-1].result
    same = result.model.state_dict()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, same[name]), name
    assert result.start_metrics == whole.start_metrics
    (read,) = [e for e in after if isinstance(e, CurveRestored)]
    assert [row["step"] for row in read.curve.rows] == [0, 1, 2, 3]
    assert [row["step"] for row in found.curve.rows] == [0, 1, 2, 3, 4, 5, 6]
    told = [e for e in before + after if isinstance(e, StepDone)]
    assert [row["total"] for row in found.curve.rows[1:]] == pytest.approx(
        [e.losses["total"] for e in told]
    )


def test_killed_it_goes_on_from_the_last_checkpoint(tmp_path):
    """A process that dies has no time to save anything."""
    code = f"""
import os, numpy as np
from napari_umis_fusion.training import *
from napari_umis_fusion.training.session import TrainingSession
from napari_umis_fusion.training.objectives._select import SelectObjective
SelectObjective.validation_examples = 2
images = list(np.random.default_rng(0).random((6, 64, 64), np.float32))
config = TrainingConfig(**{SETTINGS.as_dict()!r})
session = TrainingSession.create(config, name="mine", root={str(tmp_path / "killed")!r})
for event in session.train(images):
    if isinstance(event, StepDone) and event.step == 3:
        os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    assert done.returncode == 9
    session = last_session(tmp_path / "killed")
    after = run(session)
    assert next(e for e in after if isinstance(e, TrainingStarted)).first_step == 2
    whole = run(begin(tmp_path / "whole"), IMAGES)[-1].result
    same = after[-1].result.model.state_dict()
    assert all(torch.equal(t, same[n]) for n, t in whole.model.state_dict().items())


def test_a_folder_holds_what_its_page_says(tmp_path):
    session = begin(tmp_path, initial_weights=shipped_weights("plane-ranker"))
    assert not session.can_resume
    run(session, IMAGES, until=lambda e: isinstance(e, CheckpointSaved))
    assert files(session) == [
        "images.npz", "session.json", "session.lock", "start.safetensors", "training.state",
    ]  # fmt: skip
    assert session.can_resume
    session.discard()
    assert not session.folder.exists()
    assert last_session(tmp_path) is None


def test_the_newest_that_can_go_on_is_the_last(tmp_path):
    old, new, bare = (begin(tmp_path) for _ in range(3))
    for session in (old, new):
        run(session, IMAGES, until=lambda e: isinstance(e, TrainingStarted))
    (tmp_path / "9999-other").mkdir()
    (tmp_path / "9999-damaged").mkdir()
    (tmp_path / "9999-damaged" / "session.json").write_text("{")
    assert bare.folder > new.folder > old.folder
    assert last_session(tmp_path).folder == new.folder
    assert last_session(tmp_path / "absent") is None


WORK = """
import sys, time
from pathlib import Path
from napari_umis_fusion.errors import BusyError
from napari_umis_fusion.training import StepDone
from napari_umis_fusion.training.session import TrainingSession
from napari_umis_fusion.training.objectives._select import SelectObjective
SelectObjective.validation_examples = 2
folder, go = Path(sys.argv[1]), Path(sys.argv[2])
session = TrainingSession(folder)
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
try:
    for event in session.train():
        if isinstance(event, StepDone):
            print("got it", flush=True)
            input()  # until it is killed
except BusyError as error:
    print(error, flush=True)
"""


@pytest.fixture
def worker():
    """Return a function that starts a process which goes on with a session."""
    begun = []

    def start(session, go):
        command = [sys.executable, "-c", WORK, str(session.folder), str(go)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(command, **pipes))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def test_of_two_processes_one_gets_the_session_and_the_other_is_told(tmp_path, worker):
    session = begin(tmp_path / "s")
    run(session, IMAGES, until=lambda e: isinstance(e, TrainingStarted))
    assert not is_locked(session.folder), "it was abandoned"
    go = tmp_path / "go"
    both = [worker(session, go) for _ in range(2)]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
    go.touch()
    said = [process.stdout.readline() for process in both]
    assert said.count("got it\n") == 1
    winner, loser = sorted(both, key=lambda process: said[both.index(process)] != "got it\n")
    told = said[both.index(loser)]
    assert f"{session.folder}: this training is in use by process {winner.pid} (" in told
    assert "Wait until it ends, or interrupt it" in told
    assert is_locked(session.folder)
    assert last_session(tmp_path / "s") is None
    with pytest.raises(BusyError, match=f"in use by process {winner.pid}"):
        run(session)
    session.discard()
    assert session.can_resume, "what another works on is not discarded"
    winner.kill()
    winner.wait()
    assert not is_locked(session.folder), "the system ends the lock of a killed process"
    assert last_session(tmp_path / "s") is not None
    assert run(session)[-1].result.steps_done == SETTINGS.steps


def test_two_windows_of_one_process_cannot_both_go_on(tmp_path):
    session = begin(tmp_path)
    events = session.train(IMAGES)
    assert any(isinstance(event, StepDone) for event in events)
    with pytest.raises(BusyError, match=f"process {os.getpid()} "):
        run(TrainingSession(session.folder))
    with pytest.raises(BusyError, match="Wait until it ends"):
        next(train(IMAGES, SETTINGS, state=session.folder, resume=True))
    events.close()
    assert list(train(IMAGES, SETTINGS, state=session.folder, resume=True))


def test_what_was_discarded_meanwhile_is_told(tmp_path):
    session = begin(tmp_path)
    again = TrainingSession(session.folder)
    (session.folder / "session.json").unlink()
    with pytest.raises(CheckpointError, match="discarded meanwhile; start a new one"):
        run(again, IMAGES)


def test_a_session_elsewhere_is_found_and_forgotten(tmp_path):
    folder = tmp_path / "mine.state"
    session = TrainingSession.create(SETTINGS, name="mine", folder=folder)
    with pytest.raises(CheckpointError, match=r"mine\.state: exists already"):
        TrainingSession.create(SETTINGS, name="other", folder=folder)
    run(session, IMAGES, until=lambda e: isinstance(e, StepDone))
    assert last_session().folder == folder
    assert last_session(tmp_path).folder == folder, "as one of this folder"
    session.discard()
    assert last_session() is None
    assert list(sessions_folder().iterdir()) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"folder": 3}', '{"folder": "/gone"}'])
def test_a_link_that_leads_nowhere_hides_nothing(tmp_path, text):
    session = begin(tmp_path)
    run(session, IMAGES, until=lambda e: isinstance(e, TrainingStarted))
    (tmp_path / "9999.link.json").write_text(text)
    assert last_session(tmp_path).folder == session.folder


def test_one_image_begins_nothing(tmp_path):
    session = begin(tmp_path)
    with pytest.raises(StackError, match="training needs at least 2"):
        run(session, IMAGES[:1])
    assert not session.folder.exists()


def test_a_session_of_before_the_state_held_the_curve_goes_on(tmp_path):
    """Its state has neither curve nor validations; the curve lies beside it, and goes further."""
    whole = begin(tmp_path / "whole")
    result = run(whole, IMAGES)[-1].result
    old = begin(tmp_path / "old")
    run(old, IMAGES, until=lambda e: isinstance(e, CheckpointSaved) and e.step == 4)
    whole.curve.save_csv(old.folder / "curve.csv")
    content = torch.load(old.state, weights_only=True)
    del content["curve"], content["validated"]
    torch.save(content, old.state)
    found = last_session(tmp_path / "old")
    after = run(found)
    (read,) = [e for e in after if isinstance(e, CurveRestored)]
    assert [row["step"] for row in read.curve.rows] == [1, 2, 3, 4]
    assert found.curve.rows == whole.curve.rows
    same = after[-1].result.model.state_dict()
    assert all(torch.equal(t, same[n]) for n, t in result.model.state_dict().items())


def test_weights_know_where_they_come_from(tmp_path):
    start = shipped_weights("plane-ranker")
    session = begin(tmp_path, initial_weights=start, initial_name="the shipped ones")
    result = run(session, IMAGES)[-1].result
    found = load_checkpoint(session.save_result(result, tmp_path / "w.safetensors"))
    about = found.metadata
    assert (about["name"], about["parent"]) == ("mine", "the shipped ones")
    assert about["parent_sha256"] == load_checkpoint(start).sha256
    assert about["created"] == session.origin.created
    assert TrainingConfig(**about["config"]) == SETTINGS


def test_a_full_disk_keeps_a_training_from_being_resumed_only(tmp_path, monkeypatch):
    session = begin(tmp_path)

    def full(file, **arrays):
        raise OSError("196608 requested and 4096 written")  # as NumPy says it

    monkeypatch.setattr(np, "savez", full)
    events = run(session, IMAGES)
    (said,) = [one.text for one in events if isinstance(one, Noted) and "images" in one.text]
    assert re.search(r"images\.npz: .*the disk is full.*cannot be resumed", said)
    assert events[-1].result.steps_done == SETTINGS.steps
    assert not session.folder.exists(), "nothing is left that could not be resumed"


def test_a_session_at_work_in_this_process_is_left_alone(tmp_path):
    session = begin(tmp_path)
    events = session.train(IMAGES)
    assert any(isinstance(event, StepDone) for event in events)
    assert session.can_resume
    assert last_session(tmp_path) is None, "a second window must not go on with it"
    events.close()
    assert last_session(tmp_path) is not None


def test_abandoned_before_there_is_anything_to_keep_it_leaves_no_folder(tmp_path):
    session = begin(tmp_path)
    events = session.train(IMAGES)
    next(events)
    events.close()
    assert not session.folder.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=f"cannot be saved there .* {FOLDER_VARIABLE}"):
        begin(tmp_path / "file")


def test_useless_data_is_told(tmp_path):
    session = begin(tmp_path)
    with pytest.raises(StackError):
        run(session, np.zeros((3, 64, 64), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["{", "[]", '{"config": {"steps": 0}, "origin": {}}'])
def test_a_folder_that_is_no_session_is_refused(tmp_path, content):
    (tmp_path / "session.json").write_text(content)
    with pytest.raises(CheckpointError, match="contains no training"):
        TrainingSession(tmp_path)


def test_sessions_lie_where_the_user_says(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "mine"))
    assert sessions_folder() == tmp_path / "mine"
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert "napari-umis-fusion" in str(sessions_folder())


def test_a_finished_training_can_be_had_again(tmp_path):
    """Closed before the user decided on the outcome."""
    done = run(begin(tmp_path), IMAGES)[-1].result
    again = run(last_session(tmp_path))[-1]
    assert isinstance(again, TrainingFinished)
    assert (again.result.step, again.result.metrics) == (done.step, done.metrics)
