"""`umis-fusion models`: what it does to the library and what it says."""

import io
import json
import subprocess
import sys

import pytest
import torch

from napari_umis_fusion import write_image
from napari_umis_fusion.cli import main
from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network import PlaneRanker, load_checkpoint, save_checkpoint
from napari_umis_fusion.synthetic import make_stack

HEADER = {
    "created": "2026-03-04T05:06:07+00:00",
    "parent": "plane-ranker",
    "parent_sha256": "205811f121acf475",
    "steps": 400,
    "config": {"objective": "select", "steps": 400},
    "training_data": {"training_images": 7, "sources": {"scorpion": 5, "moss": 2}},
    "scores": {"psnr": 34.25},
    "comparison": {
        "baseline": "plane-ranker",
        "before": {"psnr": 33.5},
        "after": {"psnr": 34.0},
        "better": 6,
        "stacks": 7,
        "gain_error_db": 0.125,
        "unseen": True,
    },
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UMIS_FUSION_MODELS", str(tmp_path / "models"))
    return tmp_path


@pytest.fixture
def weights(here):
    """Make a file of weights that were trained."""
    torch.manual_seed(0)
    return str(save_checkpoint(here / "mine.safetensors", PlaneRanker(), HEADER))


@pytest.fixture
def scorpion(weights):
    return ModelLibrary().add(weights, "scorpion", "from Tuesday")


def only():
    (model,) = ModelLibrary().models()
    return model


def error_of(capsys):
    text = capsys.readouterr().err
    assert text.startswith("umis-fusion: error: ")
    assert text.count("\n") == 1
    return text


def test_import(weights, capsys):
    assert main(["models", "import", weights, "--name", "scorpion", "--note", "mine"]) == 0
    assert capsys.readouterr().out == "imported: scorpion\n"
    assert (only().name, only().note) == ("scorpion", "mine")
    assert main(["models", "import", weights, "--name", "other"]) == 0
    assert capsys.readouterr().out == "already in the library: scorpion\n"
    assert main(["models", "import", weights, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["is_new"]) == ("scorpion", False)


def test_list(scorpion, capsys):
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("scorpion", "2026-03-04", "learned", "+0.50", "dB"),
        *(scorpion.sha256[:8], "from", "Tuesday"),
    ]
    assert [line.split()[0] for line in lines[1:]] == ["plane-ranker", "umis-unetplusplus"]
    assert len({line.index("learned") for line in lines[:2]}) == 1


def test_list_tells_what_cannot_be_read(scorpion, capsys):
    bad = scorpion.path.with_name("bad.safetensors")
    bad.write_bytes(b"hello")
    assert main(["models", "list"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err.startswith(f"umis-fusion: warning: {bad}: damaged")


@pytest.mark.parametrize("words", [["--json", "list"], ["list", "--json"]])
def test_list_as_json(scorpion, capsys, words):
    assert main(["models", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(scorpion.path.parent)
    assert told["broken"] == {}
    assert [model["name"] for model in told["models"]][:1] == ["scorpion"]
    assert told["models"][0] == scorpion.as_dict()


def test_show(scorpion, capsys):
    assert main(["models", "show", scorpion.sha256[:7]]) == 0
    told = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert told.pop("created").startswith("2026-03-0")
    assert told == {
        "name": "scorpion",
        "focus measure": "learned",
        "gain": "+0.50 ± 0.12 dB over plane-ranker, better on 6 of 7 rendered stacks",
        "scores": "psnr 34.25",
        "initial weights": "plane-ranker (205811f1)",
        "steps": "400",
        "trained on": "7 images: scorpion, moss",
        "options": "steps=400",
        "note": "from Tuesday",
        "sha256": scorpion.sha256,
        "file": str(scorpion.path),
    }


def test_rename_and_note(scorpion, capsys):
    assert main(["models", "rename", "scorpion", "beetle"]) == 0
    assert main(["models", "note", "beetle", "20x\nair"]) == 0
    assert capsys.readouterr().out == "beetle: from Tuesday\nbeetle: 20x air\n"
    assert (only().name, only().note, only().path) == ("beetle", "20x\nair", scorpion.path)
    assert main(["models", "note", "beetle", "", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["note"] == ""


def test_export(scorpion, here, capsys):
    assert main(["models", "export", "scorpion", "out.safetensors"]) == 0
    assert capsys.readouterr().out == f"scorpion: {here / 'out.safetensors'}\n"
    assert (here / "out.safetensors").read_bytes() == scorpion.path.read_bytes()
    (here / "out.safetensors").write_text("mine")
    assert main(["models", "export", "scorpion", "out.safetensors"]) == 1
    assert "exists already" in error_of(capsys)
    assert (here / "out.safetensors").read_text() == "mine"
    assert main(["models", "export", "scorpion", "out.safetensors", "--replace"]) == 0
    assert load_checkpoint("out.safetensors").sha256 == scorpion.sha256


@pytest.mark.slow
def test_export_to_other_formats_is_left_to_the_exporter(scorpion, here, monkeypatch):
    asked = []

    def export_model(checkpoint, path, **about):
        asked.append((checkpoint.sha256, path, about))
        return path

    monkeypatch.setattr("napari_umis_fusion.models.export.export_model", export_model)
    words = ["models", "export", "scorpion", "out.zip", "--author", "Ada", "--author", "Bo"]
    assert main([*words, "--licence", "CC-BY-4.0"]) == 0
    about = {"name": "scorpion", "note": "from Tuesday", "authors": ["Ada", "Bo"]}
    assert asked == [(scorpion.sha256, here / "out.zip", {**about, "licence": "CC-BY-4.0"})]


def answering(text, is_terminal=True):
    answer = io.StringIO(text)
    answer.isatty = lambda: is_terminal
    return answer


@pytest.mark.parametrize(
    ("answer", "is_deleted"), [("y\n", True), ("Yes\n", True), ("\n", False), ("no\n", False)]
)
def test_delete_asks(scorpion, capsys, monkeypatch, answer, is_deleted):
    monkeypatch.setattr(sys, "stdin", answering(answer))
    assert main(["models", "delete", "scorpion"]) == 0
    out, err = capsys.readouterr()
    assert err == "Delete 'scorpion' permanently? [y/N] "
    assert out == ("deleted: scorpion\n" if is_deleted else "kept: scorpion\n")
    assert len(ModelLibrary().models()) == (not is_deleted)


def test_delete_without_a_terminal_needs_a_yes(scorpion, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", answering("y\n", is_terminal=False))
    assert main(["models", "delete", "scorpion"]) == 2
    assert "no terminal to confirm; add --yes" in error_of(capsys)
    assert only() == scorpion
    assert main(["models", "delete", "scorpion", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] is True
    assert [p.name for p in scorpion.path.parent.iterdir()] == [".lock"], "empty, and stays"


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["show", "spider"], 1, "'spider': no such model; accepted are 'scorpion', 'plane-ranker'"),
        (["rename", "scorpion", " "], 2, "the name of a model is empty"),
        (["rename", "scorpion", "plane-ranker"], 2, "is the name of another model"),
        (["rename", "plane-ranker", "x"], 1, "comes with the package"),
        (["note", "scorpion", "x" * 2001], 2, "2001 characters"),
        (["delete", "plane-ranker"], 1, "comes with the package"),
        (["import", "absent.pth"], 1, "absent.pth: cannot be read"),
        (["import", "mine.safetensors", "--name", "x" * 99], 0, ""),
        (["export", "scorpion", "out.npy"], 2, "has the extension '.npy'"),
        (["export", "scorpion", "absent/out.safetensors"], 1, "cannot be written"),
    ],
)
def test_refusals(scorpion, capsys, words, code, text):
    assert main(["models", *words]) == code
    assert text in (error_of(capsys) if code else "")
    assert only() == scorpion


def test_fuse_with_a_models_name(scorpion, here, capsys):
    (here / "planes").mkdir()
    for z, plane in enumerate(make_stack("discs", (40, 56), planes=3).stack):
        write_image(here / "planes" / f"z{z}.png", plane, rgb=True)
    fuse = ["fuse", "planes", "-o", "o.png", "--device", "cpu", "--json", "--checkpoint"]
    assert main([*fuse, "scorpion"]) == 0
    provenance = json.loads(capsys.readouterr().out)["provenance"]
    assert provenance["config"]["checkpoint"] == scorpion.path.name
    assert scorpion.sha256 in json.dumps(provenance)
    assert main([*fuse, "spider"]) == 1
    assert "'spider': no such model; accepted are 'scorpion'" in error_of(capsys)
    assert main([*fuse, "absent.safetensors"]) == 1
    assert "absent.safetensors: cannot be read" in error_of(capsys)


def test_listing_loads_no_torch(scorpion):
    code = (
        "import sys; from napari_umis_fusion.cli import main;"
        "assert main(['models', 'list']) == 0; print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "False"
