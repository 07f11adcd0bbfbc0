"""`umis-fusion train`: its options, what it writes and says, and going on after Ctrl-C."""

import argparse
import csv
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_umis_fusion import TrainingConfig
from napari_umis_fusion.cli import main
from napari_umis_fusion.cli._main import build_parser
from napari_umis_fusion.cli._options import option_name
from napari_umis_fusion.cli._train_command import training_config_from
from napari_umis_fusion.cli._training_report import TrainingReport
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.network import load_checkpoint
from napari_umis_fusion.training import StepDone, TrainingStarted
from napari_umis_fusion.training.loop import load_state
from napari_umis_fusion.training.objectives._select import SelectObjective
from napari_umis_fusion.training.session import load_config, save_config

FIELDS = {spec.name: spec for spec in dataclasses.fields(TrainingConfig)}
BASE = ["train", "data", "-o", "w.safetensors"]
SMALL = [
    *("--device", "cpu", "--precision", "float32", "--threads", "2"),
    *("--validate-every", "2", "--patch-px", "32"),
]
SELECT = [*SMALL, "--batch", "6"]
REBUILD = [*SMALL, "--reference", "--batch", "2", "--width-px", "32", "--height-px", "32"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SelectObjective, "validation_examples", 2)
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.STACKS", 2)
    return tmp_path


@pytest.fixture
def data(here):
    rng = np.random.default_rng(0)
    (here / "data" / "deeper").mkdir(parents=True)
    for k, folder in enumerate(("data", "data", "data/deeper", "data/deeper")):
        Image.fromarray(rng.integers(0, 255, (66, 70), np.uint8)).save(f"{folder}/p{k}.png")
    (here / "data" / "broken.png").write_bytes(b"hello")
    return here / "data"


def one_line(text, start="error"):
    assert text.startswith(f"umis-fusion: {start}: ")
    assert text.count("\n") == 1
    return text


def files_of(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.iterdir() if p.is_file())


def read_csv(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def options_group():
    train = build_parser()._subparsers._group_actions[0].choices["train"]
    groups = {group.title: group for group in train._action_groups}
    return {action.dest: action for action in groups["training options"]._group_actions}


def config_of(*options):
    return training_config_from(build_parser().parse_args([*BASE, *options]))


def another(spec):
    choices = spec.metadata.get("choices")
    if choices:
        return choices[-1]
    if isinstance(spec.default, int):
        return spec.default + 1
    low, high = spec.metadata["min"], spec.metadata["max"]
    return (spec.default + (low if spec.default == high else high)) / 2


def test_every_field_has_an_option_and_every_option_a_field():
    assert list(options_group()) == list(FIELDS)
    for name, action in options_group().items():
        assert action.help.startswith(FIELDS[name].metadata["help"])
        assert f"Default: {FIELDS[name].default}." in action.help
        assert action.default is argparse.SUPPRESS


@pytest.mark.parametrize("name", FIELDS)
def test_option_sets_its_field(name):
    value = another(FIELDS[name])
    assert value != FIELDS[name].default
    make = TrainingConfig.reference if value == "reconstruct" else TrainingConfig
    assert config_of(option_name(name), str(value)) == make(**{name: value})


def test_the_recipe_and_options_on_top():
    assert config_of() == TrainingConfig()
    assert config_of("--reference") == TrainingConfig.reference()
    assert config_of("--reference", "--batch", "3") == TrainingConfig.reference(batch=3)
    assert config_of("--reference", "--steps", "3") == TrainingConfig.reference(steps=3)
    assert config_of("--objective", "reconstruct") == TrainingConfig.reference()


def test_help(capsys):
    assert main(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("--state", "--resume", "--start", "--curve", "--reference", "--learning-rate"):
        assert name in shown


def test_images_in_weights_and_curve_out(data, here, capsys):
    assert main([*BASE, "--steps", "4", *SELECT]) == 0
    out, err = capsys.readouterr()
    assert err == "", "no progress bar where nobody watches"
    assert files_of(here) == ["w-loss.csv", "w-loss.png", "w.safetensors"]
    lines = out.splitlines()
    assert lines[0].startswith("4 images, ")
    assert lines[1] == "3 for training, 1 for validation"
    assert any(line.startswith("warning: 4 images only") for line in lines)
    start = next(k for k, line in enumerate(lines) if line.endswith(" weights, cpu, float32"))
    assert lines[start - 1].startswith("left out: data/broken.png: ")
    assert lines[start + 1].startswith("step 2 of 4: psnr ")
    assert lines[start + 1].endswith("; the best so far")
    assert lines[-4:-2] == [
        f"weights: {here / 'w.safetensors'}",
        f"loss curve: {here / 'w-loss.csv'}, {here / 'w-loss.png'}",
    ]
    assert lines[-2].startswith("best: step ")
    assert " of 4: psnr " in lines[-2]
    assert lines[-1] == "ended: all steps were made"
    found = load_checkpoint("w.safetensors")
    assert found.architecture == "plane-ranker"
    assert found.metadata["config"]["batch"] == 6
    rows = read_csv("w-loss.csv")
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    assert [bool(row["validation_psnr"]) for row in rows] == [False, True] * 2
    for row in rows:
        terms = sum(float(row[name]) for name in ("select", "weigh", "false_edges", "spread"))
        assert float(row["total"]) == pytest.approx(terms, rel=1e-5)
    with Image.open("w-loss.png") as picture:
        assert picture.format == "PNG"


@pytest.mark.slow
def test_reference_trains_the_published_network(data, here, capsys):
    assert main([*BASE, "--epochs", "2", *REBUILD, "--curve", "deep", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (out.count("\n"), err) == (1, "")
    assert told["weights"] == str(here / "w.safetensors")
    assert told["curve"] == {"csv": str(here / "deep.csv"), "png": str(here / "deep.png")}
    assert (told["steps_done"], told["reason"]) == (4, "done")
    assert told["metrics"]["negative_loss"] == -told["metrics"]["loss"]
    assert told["data"]["training_images"] == 3
    assert "broken.png" in told["left_out"][0]
    found = load_checkpoint("w.safetensors")
    assert found.architecture == "umis-unetplusplus"
    assert TrainingConfig(**found.metadata["config"]) == TrainingConfig.reference(
        epochs=2,
        batch=2,
        width_px=32,
        height_px=32,
        patch_px=32,
        device="cpu",
        threads=2,
        validate_every=2,
    )
    assert [row["step"] for row in read_csv("deep.csv")] == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_training_goes_on_from_weights(data, capsys):
    assert main([*BASE, "--steps", "1", *REBUILD, "--json"]) == 0
    reached = json.loads(capsys.readouterr().out)["metrics"]
    again = ["train", "data", "-o", "v.safetensors", "--start", "w.safetensors"]
    spoil = ["--learning-rate", "1", "--weight-decay", "0"]
    assert main([*again, "--steps", "1", *REBUILD, *spoil, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["start_metrics"] == pytest.approx(reached)
    assert (told["step"], told["weights"]) == (0, None), "worse weights are not saved"
    assert not Path("v.safetensors").exists()
    assert main([*again, "--steps", "1", *SELECT]) == 2
    assert "got initial weights of a UNetPlusPlus" in one_line(capsys.readouterr().err)


@pytest.fixture
def interrupt_at(monkeypatch):
    """Press Ctrl-C once after an event."""

    def interrupt_at(kind, step):
        take = TrainingReport.on_event

        def pressed(self, event):
            take(self, event)
            if isinstance(event, kind) and getattr(event, "step", 0) == step:
                monkeypatch.setattr(TrainingReport, "on_event", take)
                raise KeyboardInterrupt

        monkeypatch.setattr(TrainingReport, "on_event", pressed)

    return interrupt_at


@pytest.mark.slow
def test_interrupted_it_goes_on_to_the_same_weights(data, here, interrupt_at, capsys):
    command = [*BASE, "--steps", "5", *SELECT]
    assert main([*command, "-o", "whole.safetensors"]) == 0
    interrupt_at(StepDone, 3)
    capsys.readouterr()
    assert main(command) == 130
    said = one_line(capsys.readouterr().err, "interrupted")
    assert (
        "training stopped at step 3; repeat the command with --resume to continue from step 3"
        in said
    )
    assert str(here / "w.state") in said
    assert load_state("w.state").step == 3
    assert [name for name in files_of(here) if "whole" not in name] == ["w-loss.csv"]
    assert main([*command, "--resume"]) == 0
    assert "resuming at step 3 of 5" in capsys.readouterr().out
    assert not Path("w.state").exists(), "there is nothing left to resume"
    one, other = (load_checkpoint(f"{name}.safetensors").state_dict for name in ("w", "whole"))
    assert all(torch.equal(one[name], other[name]) for name in other)
    assert read_csv("w-loss.csv") == read_csv("whole-loss.csv")


def test_interrupted_before_anything_was_saved(data, here, interrupt_at, capsys):
    interrupt_at(TrainingStarted, 0)
    assert main([*BASE, "--steps", "5", *SELECT]) == 130
    said = one_line(capsys.readouterr().err, "interrupted")
    assert "training stopped at step 0: nothing was saved" in said
    assert files_of(here) == ["w-loss.csv"]


def test_a_config_from_a_file_and_options_on_top(tmp_path):
    saved = TrainingConfig.fine_tuning(steps=7, specimen="opaque")
    path = str(save_config(tmp_path / "c.json", saved))
    assert config_of("--config", path) == saved
    assert config_of("--config", path, "--steps", "8") == saved.replace(steps=8)
    assert config_of("--config", path, "--own-stacks") == load_config(path)
    with pytest.raises(ConfigError, match="--config and --reference both set the options"):
        config_of("--config", path, "--reference")


@pytest.mark.slow
def test_the_outcome_is_compared_with_the_start(data, here, capsys, monkeypatch):
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.SIDE_PX", 64)
    monkeypatch.setattr("napari_umis_fusion.training.loop._compare.STACKS", 2)
    command = [*BASE, "--steps", "2", *SELECT, "--test-share", "0.3"]
    assert main([*command, "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)["comparison"]
    assert (compared["baseline"], compared["stacks"]) == ("plane-ranker", 2)
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "compared: " in said
    assert " plane-ranker, " in said
    assert " dB, higher on " in said


def test_an_interrupted_training_is_not_written_over(data, here, interrupt_at, capsys, quick_aim):
    quick_aim()
    interrupt_at(StepDone, 3)
    command = [*BASE, "--steps", "5", *SELECT, "--state", "mine.state"]
    assert main(command) == 130
    before = Path("mine.state/training.state").read_bytes()
    capsys.readouterr()
    assert main(command) == 2
    assert "mine.state holds an interrupted training; add --resume" in capsys.readouterr().err
    assert main([*command, "--resume", "--batch", "7"]) == 2
    assert "belongs to a training with batch=6, not 7" in one_line(capsys.readouterr().err)
    assert Path("mine.state/training.state").read_bytes() == before


def test_resume_without_a_state_says_so(data, here, capsys, quick_aim):
    quick_aim()
    assert main([*BASE, "--steps", "1", *SELECT, "--resume"]) == 0
    assert f"note: {here / 'w.state'} does not exist: training starts" in capsys.readouterr().out


def test_a_loss_that_is_no_number_is_told(data, capsys, monkeypatch):
    batch = SelectObjective.batch

    def bad(self, step):
        made = batch(self, step)
        return dataclasses.replace(made, clean=made.clean * float("nan")) if step else made

    monkeypatch.setattr(SelectObjective, "batch", bad)
    assert main([*BASE, "--steps", "3", *SELECT]) == 0
    out = capsys.readouterr().out
    assert "best: step 1 of 1: psnr " in out
    assert "ended: the loss became infinite or not a number" in out
    assert Path("w.safetensors").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bar_on_a_terminal(data, monkeypatch, capsys, quick_aim):
    quick_aim(wait_s=0.05)
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert main([*BASE, "--steps", "3", *SELECT]) == 0
    assert "training: " in stream.getvalue()
    assert "loss=" in stream.getvalue()
    assert "psnr=" in stream.getvalue()
    assert "3/3" in stream.getvalue()
    quiet = Terminal()
    monkeypatch.setattr(sys, "stderr", quiet)
    assert main([*BASE, "--steps", "1", *SELECT, "--json"]) == 0
    assert quiet.getvalue() == ""


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["train", "data", "-o", "w.pth"], 1, "weights are saved as .safetensors"),
        (["train", "data", "-o", "no/w.safetensors"], 1, "create its folder first"),
        ([*BASE, "--curve", "no/c"], 1, "create its folder first"),
        ([*BASE, "--state", "data"], 1, "no file can be written there"),
        (["train", "data", "-o", "data/w.safetensors"], 2, "would lie among the images"),
        (["train", ".", "-o", "w.safetensors"], 2, "would lie among the images"),
        (["train", "absent", "-o", "w.safetensors"], 1, "absent does not exist"),
        (["train", "data/p0.png", "-o", "w.safetensors"], 1, "training needs at least 2"),
        (
            ["train", "data/broken.png", "-o", "w.safetensors"],
            1,
            "or z-stacks. Left out: ",
        ),
        ([*BASE, "--start", "absent.safetensors"], 1, "absent.safetensors: cannot be read"),
        ([*BASE, "--steps", "0"], 2, "steps=0; accepted is a whole number from 1"),
        ([*BASE, "--reference", "--objective", "select"], 2, "leave out --objective"),
    ],
)
def test_errors_are_one_line(options, code, text, data, here, capsys):
    before = files_of(here)
    assert main(options) == code
    out, err = capsys.readouterr()
    assert text in one_line(err)
    assert out == ""
    assert files_of(here) == before


@pytest.mark.parametrize("words", [["train"], ["train", "data"], [*BASE, "--schedule", "none"]])
def test_wrong_usage(words, capsys):
    assert main(words) == 2
    assert "See umis-fusion train --help" in one_line(capsys.readouterr().err)


RUN = """
import signal, sys
from napari_umis_fusion.cli import main
from napari_umis_fusion.training.objectives._select import SelectObjective
SelectObjective.validation_examples = 1
signal.signal(signal.SIGINT, signal.default_int_handler)  # what started us may have muted it
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for another process")
def test_interrupt_by_signal(data, here):
    command = [sys.executable, "-c", RUN, *BASE, "--steps", "100000", *SELECT]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert any(line.startswith("step 4 of") for line in process.stdout)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "repeat the command with --resume" in one_line(err, "interrupted")
    assert files_of(here) == ["w-loss.csv"], "nothing half-written"
    assert load_state("w.state").step >= 2


def test_inputs_are_never_overwritten(data, here, capsys, quick_aim):
    quick_aim()
    assert main([*BASE, "--steps", "1", *SELECT]) == 0
    before = Path("w.safetensors").read_bytes()
    Path("link.safetensors").symlink_to("w.safetensors")
    os.link("w.safetensors", "hard.safetensors")
    capsys.readouterr()
    for name in ("w.safetensors", "link.safetensors", "hard.safetensors"):
        options = ["train", "data", "-o", name, "--start", "w.safetensors", "--steps", "1"]
        assert main([*options, *SELECT]) == 2
        assert "is an input, which is never overwritten" in one_line(capsys.readouterr().err)
    assert main(["train", "data", "-o", "v.safetensors", "--state", "data", *SELECT]) in (1, 2)
    assert Path("w.safetensors").read_bytes() == before


@pytest.mark.parametrize(("name", "content"), [("photo.png", b"\x89PNG"), ("photo.csv", b"a,b\n")])
def test_only_curves_are_replaced_by_curves(data, here, capsys, quick_aim, name, content):
    quick_aim()
    Path(name).write_bytes(content)
    options = ["train", "data", "-o", "v.safetensors", "--curve", "photo", "--steps", "1"]
    assert main([*options, *SELECT]) == 2
    assert "exists, and is no loss curve" in one_line(capsys.readouterr().err)
    assert Path(name).read_bytes() == content
    Path(name).unlink()
    assert main([*options, *SELECT]) == 0
    assert main([*options, *SELECT]) == 0, "a curve is replaced by the next one"
