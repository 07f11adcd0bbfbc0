"""Nothing is lost, whenever a training is interrupted: no row of its curve, and no step."""

import sys
from itertools import count, islice

import numpy as np
import pytest
import torch
from PIL import Image

from napari_umis_fusion.cli import main
from napari_umis_fusion.cli._training_report import TrainingReport
from napari_umis_fusion.network import load_checkpoint
from napari_umis_fusion.runtime import Workers
from napari_umis_fusion.training import LossCurve, TrainingConfig
from napari_umis_fusion.training.loop import _run as run
from napari_umis_fusion.training.loop import _trainer as trainer
from napari_umis_fusion.training.loop import load_state, train
from napari_umis_fusion.training.session import CurveRestored, TrainingSession

pytestmark = pytest.mark.slow

IMAGES = list(np.random.default_rng(0).random((4, 64, 64), np.float32))
CONFIG = TrainingConfig(
    steps=3, validate_every=2, learning_rate=1e-2, device="cpu", precision="float32", threads=2
)
KEEPING = ("_make_step", "_count", "_validate", "judge", "_checkpoint")
"""Functions that keep what was done."""

WAIT_S = 0.005
"""Longer than it takes to abandon what is under way."""


@pytest.fixture(autouse=True)
def one_event_for_each_job(quick_aim, monkeypatch):
    """Tell once of each batch, update, trial and file, while it is under way."""

    def result(workers, future):
        yield
        return future.result()

    monkeypatch.setattr(Workers, "result", result)
    quick_aim(WAIT_S)


def follow(events):
    """Run a training to its end; return the curve that a window shows, and the result."""
    shown = LossCurve()
    for event in events:
        if isinstance(event, CurveRestored):
            shown = event.curve
        shown.add(event)
    return shown, event.result


def assert_same(result, whole):
    same = result.model.state_dict()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, same[name]), name
    assert (result.step, result.score, result.steps_done) == (
        whole.step,
        whole.score,
        whole.steps_done,
    )
    assert result.start_metrics == whole.start_metrics


@pytest.mark.parametrize("from_weights", [False, True], ids=["from nothing", "from weights"])
def test_a_session_can_be_suspended_at_any_event(tmp_path, ranker_weights, from_weights):
    start = ranker_weights if from_weights else None

    def begin(name):
        return TrainingSession.create(
            CONFIG, name="mine", initial_weights=start, root=tmp_path / name
        )

    complete = begin("whole")
    curve, whole = follow(complete.train(IMAGES))
    assert [row["step"] for row in curve.rows] == list(range(1 - from_weights, 4))
    for index in count(from_weights, 7):
        session = begin(str(index))
        events = session.train(IMAGES)
        told = list(islice(events, index + 1))
        events.close()
        if len(told) <= index:
            break
        if not session.folder.exists():
            assert not session.curve.rows, "it was not begun yet"
            continue
        saved = load_state(session.state) if session.state.exists() else None
        assert saved is None or saved.curve.rows == session.curve.rows
        again = TrainingSession(session.folder)
        shown, result = follow(again.train())
        assert shown.rows == again.curve.rows == curve.rows, f"suspended at {index}: {told[-1]}"
        assert_same(result, whole)
    assert index > 25, "events came between those of the steps"


def test_the_command_line_can_be_interrupted_at_any_event(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for number, image in enumerate(IMAGES):
        Image.fromarray((255 * image).astype(np.uint8)).save(f"data/{number}.png")
    options = ["--steps", "3", "--validate-every", "2", "--learning-rate", "0.01"]
    options += ["--device", "cpu", "--precision", "float32", "--threads", "2"]
    assert main(["train", "data", "-o", "whole.safetensors", *options]) == 0
    whole = load_checkpoint("whole.safetensors").state_dict
    rows = (tmp_path / "whole-loss.csv").read_bytes()
    monkeypatch.setattr(LossCurve, "save_png", lambda curve, path: None)  # slow
    take = TrainingReport.on_event
    for index in count(0, 5):
        seen = count()

        def pressed(report, event, seen=seen, index=index):
            take(report, event)
            if next(seen) == index:
                raise KeyboardInterrupt

        command = ["train", "data", "-o", f"{index}.safetensors", *options]
        with monkeypatch.context() as patch:
            patch.setattr(TrainingReport, "on_event", pressed)
            ended = main(command)
        if ended == 0:
            break
        assert ended == 130
        state = tmp_path / f"{index}.state"
        if state.exists():
            written = (tmp_path / f"{index}-loss.csv").read_bytes()
            load_state(state).curve.save_csv("kept.csv")
            assert (tmp_path / "kept.csv").read_bytes() == written
        assert main([*command, "--resume"]) == 0
        assert (tmp_path / f"{index}-loss.csv").read_bytes() == rows, f"interrupted at {index}"
        found = load_checkpoint(f"{index}.safetensors").state_dict
        assert all(torch.equal(found[name], whole[name]) for name in whole)
        assert not state.exists()
    assert index > 20
    capsys.readouterr()


def interrupted_at_line(events, number):
    """Press Ctrl-C at a line of what keeps track; returns whether there are so many."""
    seen = count()

    def at_line(frame, kind, _):
        if kind == "line" and next(seen) == number:
            raise KeyboardInterrupt
        return at_line

    def at_call(frame, *_):
        code = frame.f_code
        is_ours = code.co_filename in (run.__file__, trainer.__file__) and code.co_name in KEEPING
        return at_line if is_ours else None

    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        for _ in events:
            pass
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_ctrl_c_can_come_between_any_two_lines(tmp_path, quick_aim, ranker_weights):
    """A signal strikes anywhere, not at events alone: also between a step and its row."""
    quick_aim()
    config = CONFIG.replace(steps=2, validate_every=2, threads=1)
    curve = LossCurve()
    *_, last = train(IMAGES, config, start=ranker_weights, curve=curve)
    for number in count(0, 5):
        options = {"start": ranker_weights, "state": tmp_path / f"{number}.state"}
        events = train(IMAGES, config, **options)
        if not interrupted_at_line(events, number):
            break
        again = LossCurve()
        *_, end = train(IMAGES, config, **options, resume=True, curve=again)
        assert again.rows == curve.rows, f"interrupted at line {number}"
        assert_same(end.result, last.result)
    assert number > 40
