"""The library of models: what comes in, what may change, and what is told when it cannot."""

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from napari_umis_fusion.errors import BusyError, CheckpointError, ConfigError
from napari_umis_fusion.models.library import (
    ModelLibrary,
    file_stem,
    find_weights,
    shipped_models,
)
from napari_umis_fusion.models.library import _header as header
from napari_umis_fusion.models.library import _shipped as shipped
from napari_umis_fusion.models.library import _sidecar as sidecar
from napari_umis_fusion.models.library._library import default_folder
from napari_umis_fusion.models.library._names import MAX_NAME_LENGTH, clean_name, unique_name
from napari_umis_fusion.models.library._reserve import LOCK, reserved
from napari_umis_fusion.network import PlaneRanker, UNetPlusPlus, load_checkpoint, save_checkpoint

TRAINED = {
    "name": "scorpion",
    "created": "2026-03-04T05:06:07+00:00",
    "parent": "plane-ranker",
    "parent_sha256": "205811f121acf475",
    "steps": 400,
    "config": {"steps": 400, "learning_rate": 3e-4},
    "training_data": {"training_images": 7, "sources": {"scorpion": 7}},
    "scores": {"psnr": 34.25},
    "comparison": {"baseline": "plane-ranker", "before": {"psnr": 33.5}, "after": {"psnr": 34.0}},
}


@pytest.fixture
def library(tmp_path):
    return ModelLibrary(tmp_path / "library" / "models")


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Return a function that saves weights of a ranker that differ with the number given."""
    state = PlaneRanker().state_dict()
    folder = tmp_path_factory.mktemp("saved")

    def save(number, metadata=None, name=None):
        weights = {**state, "prior.weight": torch.full_like(state["prior.weight"], number)}
        return save_checkpoint(folder / f"{name or number}.safetensors", weights, metadata)

    return save


@pytest.fixture
def scorpion(library, saved):
    return library.add(saved(1, TRAINED, "trained"), "scorpion")


def files(library):
    return sorted(path.name for path in library.folder.iterdir() if path.name != LOCK)


def test_a_model_is_the_file_byte_for_byte(library, saved):
    source = saved(1, TRAINED, "trained")
    model = library.add(source, "My scorpion: 20×/0.8", "  from Tuesday\n")
    assert model.path.parent == library.folder
    assert model.path.read_bytes() == source.read_bytes()
    assert model.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert model.path.name == f"My-scorpion-20-0.8-{model.sha256[:8]}.safetensors"
    assert (model.name, model.note) == ("My scorpion: 20×/0.8", "from Tuesday")
    assert files(library) == [model.path.with_suffix(".json").name, model.path.name]


def test_what_training_wrote_is_known(scorpion):
    assert scorpion.created == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert (scorpion.architecture, scorpion.focus_measure) == ("plane-ranker", "learned")
    assert scorpion.initial_weights == "plane-ranker (205811f1)"
    assert scorpion.scores == {"psnr": 34.25}
    assert scorpion.training_data == TRAINED["training_data"]
    assert scorpion.config == TRAINED["config"]
    assert scorpion.metadata["steps"] == 400
    assert scorpion.gain_db == 0.5
    assert scorpion.achieved == "+0.50 dB"
    assert json.loads(json.dumps(scorpion.as_dict()))["created"] == TRAINED["created"]


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"scores": "good", "training_data": "none", "config": None, "created": 5, "parent": None},
        {"scores": {"psnr": float("nan"), "best": "yes"}, "comparison": [1], "created": "soon"},
    ],
    ids=["none", "of other kinds", "nonsense"],
)
def test_headers_that_say_little(library, saved, metadata):
    before = datetime.now(UTC) - timedelta(minutes=1)
    model = library.add(saved(2, metadata, "bare"))
    assert (model.name, model.initial_weights, model.note) == ("bare", "", "")
    assert model.scores == {}
    assert model.gain_db is None
    assert model.achieved == ""
    assert before < model.created
    assert model.created.tzinfo is not None


def test_the_originals_files_become_ours(library, tmp_path):
    torch.manual_seed(0)
    state = UNetPlusPlus().state_dict()
    torch.save(state, tmp_path / "original.pth")
    model = library.add(tmp_path / "original.pth")
    loaded = load_checkpoint(model.path)
    loaded_state = loaded.state_dict
    assert all(torch.equal(loaded_state[name], state[name]) for name in state)
    assert (model.name, model.focus_measure) == ("original", "umis")
    sha256 = hashlib.sha256((tmp_path / "original.pth").read_bytes()).hexdigest()
    assert model.metadata["imported_from"] == {"file": "original.pth", "sha256": sha256}
    assert model.sha256 == loaded.sha256
    assert library.find_copy_of(tmp_path / "original.pth") == model
    assert library.add(tmp_path / "original.pth", "again") == model
    assert len(library.models()) == 1


def test_the_same_weights_are_kept_once(library, saved, scorpion):
    source = saved(1, TRAINED, "trained")
    assert library.find_copy_of(source) == scorpion
    assert library.add(source, "another name", "another note") == scorpion
    assert library.find_copy_of(saved(2)) is None
    assert len(library.models()) == 1


def test_weights_of_the_package_are_there_already(library):
    ranker, umis = shipped_models()
    assert (ranker.name, umis.name) == ("plane-ranker", "umis-unetplusplus")
    assert (ranker.focus_measure, umis.focus_measure) == ("learned", "umis")
    assert library.add(ranker.path, "mine") == ranker
    assert not library.folder.exists()


def test_newest_first(library, saved):
    for number, day in enumerate(("03", "01", "02")):
        library.add(saved(number, {"created": f"2026-05-{day}T12:00:00"}), f"day {day}")
    assert [model.name for model in library.models()] == ["day 03", "day 02", "day 01"]
    assert library.models()[0].created.tzinfo is UTC


def test_names_are_unique(library, saved, scorpion):
    names = [library.add(saved(number), name).name for number, name in ((2, "scorpion"),)]
    names += [
        library.add(saved(3), "Scorpion (2)").name,
        library.add(saved(4), "plane-ranker").name,
    ]
    assert names == ["scorpion (2)", "Scorpion (3)", "plane-ranker (2)"]
    with pytest.raises(ConfigError, match="'scorpion \\(2\\)' is the name of another model"):
        library.rename(scorpion, "scorpion (2)")
    assert library.rename(scorpion, "Scorpion").name == "Scorpion"


ADD = """
import sys, time
from pathlib import Path
from napari_umis_fusion.models import ModelLibrary
from napari_umis_fusion.models.library import _library as library
copy = library.copy_weights

def slowly(*arguments):
    time.sleep(0.3)
    return copy(*arguments)

library.copy_weights = slowly
print("ready", flush=True)
while not Path(sys.argv[3]).exists():
    time.sleep(0.001)
print(ModelLibrary(sys.argv[1]).add(sys.argv[2], "beetle").name)
"""


def test_of_two_processes_that_want_a_name_one_gets_it(library, saved, tmp_path):
    go = tmp_path / "go"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", ADD, str(library.folder), str(saved(number)), str(go)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in (2, 3)
    ]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
    go.touch()
    names = [process.communicate(timeout=60)[0].strip() for process in both]
    assert sorted(names) == ["beetle", "beetle (2)"]
    assert sorted(model.name for model in library.models()) == ["beetle", "beetle (2)"]


def at_once(*jobs):
    """Run jobs in threads that begin together, and return what they return or raise."""
    barrier = threading.Barrier(len(jobs))

    def job(one):
        barrier.wait()
        try:
            return one()
        except ConfigError as error:
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(job, jobs))


@pytest.fixture
def slow(monkeypatch):
    """Let some time pass between finding a name free and taking it."""
    unique = ModelLibrary._unique

    def slowly(self, *arguments, **options):
        found = unique(self, *arguments, **options)
        time.sleep(0.2)
        return found

    monkeypatch.setattr(ModelLibrary, "_unique", slowly)


def test_of_threads_that_want_a_name_one_gets_it(library, saved, slow):
    sources = [saved(number) for number in (2, 3, 4)]
    found = at_once(*(lambda s=s: ModelLibrary(library.folder).add(s, "beetle") for s in sources))
    assert sorted(model.name for model in found) == ["beetle", "beetle (2)", "beetle (3)"]
    assert len(library.models()) == 3


def test_the_same_weights_at_once_are_kept_once(library, saved, slow):
    source = saved(2)
    found = at_once(*(lambda: ModelLibrary(library.folder).add(source, "beetle") for _ in "ab"))
    assert found[0] == found[1] == library.models()[0]
    assert len(library.models()) == 1


def test_of_two_that_are_renamed_alike_one_is(library, saved, slow):
    models = [library.add(saved(number), str(number)) for number in (2, 3)]
    found = at_once(*(lambda m=m: ModelLibrary(library.folder).rename(m, "beetle") for m in models))
    assert sorted(isinstance(one, ConfigError) for one in found) == [False, True]
    assert sum(model.name == "beetle" for model in library.models()) == 1


def test_name_and_note_that_are_changed_at_once_are_both_kept(library, scorpion, monkeypatch):
    read = sidecar.read_sidecar

    def slowly(path):
        noted = read(path)
        time.sleep(0.1)
        return noted

    monkeypatch.setattr(sidecar, "read_sidecar", slowly)
    at_once(
        lambda: ModelLibrary(library.folder).rename(scorpion, "beetle"),
        lambda: ModelLibrary(library.folder).annotate(scorpion, "from Tuesday"),
    )
    monkeypatch.undo()
    (model,) = ModelLibrary(library.folder).models()
    assert (model.name, model.note) == ("beetle", "from Tuesday")


def test_who_waits_for_long_is_told(library, scorpion, monkeypatch):
    monkeypatch.setattr("napari_umis_fusion.models.library._reserve.PATIENCE_S", 0.1)
    with reserved(library.folder), pytest.raises(BusyError, match="end it, or try again later"):
        library.rename(scorpion, "beetle")
    assert library.rename(scorpion, "beetle").name == "beetle"


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("a", [], "a"),
        ("a", ["A", "a (2)"], "a (3)"),
        ("a" * MAX_NAME_LENGTH, ["a" * MAX_NAME_LENGTH], "a" * (MAX_NAME_LENGTH - 4) + " (2)"),
    ],
)
def test_numbering(name, taken, expected):
    assert unique_name(name, taken) == expected


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("scorpion", "scorpion"),
        ("Käfer / 20x: ölig?", "Kafer-20x-olig"),
        ("../../etc/passwd", "etc-passwd"),
        ("con", "model"),
        ("LPT1.old", "model"),
        ("甲虫", "model"),
        ("x" * 300, "x" * 40),
        (" .hidden. ", "hidden"),
    ],
)
def test_file_names_that_every_system_takes(name, stem):
    assert file_stem(name) == stem


@pytest.mark.parametrize(
    ("name", "text"),
    [("", "is empty"), (" \n\t", "is empty"), ("x" * 81, "81 characters; accepted are up to 80")],
)
def test_names_that_are_refused(library, saved, scorpion, name, text):
    for refused in (
        lambda: library.add(saved(2), name),
        lambda: library.rename(scorpion, name),
    ):
        with pytest.raises(ConfigError, match=text):
            refused()
    assert library.models() == [scorpion]


def test_names_are_one_line():
    assert clean_name(" two\nlines \x00") == "two lines"


def test_renaming_and_notes_leave_the_file_alone(library, scorpion):
    before = scorpion.path.read_bytes()
    renamed = library.rename(scorpion, "beetle")
    noted = library.annotate(renamed, "no, a beetle")
    assert (noted.path, noted.name, noted.note) == (scorpion.path, "beetle", "no, a beetle")
    assert scorpion.path.read_bytes() == before
    assert noted.sha256 == scorpion.sha256
    assert ModelLibrary(library.folder).models() == [noted]
    with pytest.raises(ConfigError, match="the note has 2001 characters"):
        library.annotate(noted, "x" * 2001)
    assert library.annotate(noted, "").note == ""


def test_what_others_noted_in_the_json_stays(library, scorpion):
    beside = scorpion.path.with_suffix(".json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "lab": "B 12"}))
    library.rename(scorpion, "beetle")
    assert json.loads(beside.read_text())["lab"] == "B 12"


def test_a_damaged_json_costs_no_model_and_is_not_written_over(library, scorpion):
    beside = scorpion.path.with_suffix(".json")
    beside.write_text('{"name": "beet')
    (found,) = library.models()
    assert (found.name, found.note, found.sha256) == ("scorpion", "", scorpion.sha256)
    with pytest.raises(CheckpointError, match=r"damaged, and not overwritten"):
        library.rename(found, "beetle")
    assert beside.read_text() == '{"name": "beet'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda whole: whole[:-5], "damaged"),
        (lambda whole: whole[:100], "damaged"),
        (lambda whole: b"", "damaged"),
        (lambda whole: b"\xff" * 4000, "damaged"),
        (lambda whole: (50_000).to_bytes(8, "little") + b"[" * 50_000, "damaged"),
        (lambda whole: whole.replace(b"plane-ranker", b"plane-ronker"), "'plane-ronker'; this ver"),
    ],
    ids=["cut", "cut in the header", "empty", "noise", "too deep", "of the future"],
)
def test_what_cannot_be_read_hides_nothing(library, scorpion, content, reason):
    bad = library.folder / "bad.safetensors"
    bad.write_bytes(content(shipped_models()[0].path.read_bytes()))
    assert library.models() == [scorpion]
    assert list(library.unreadable()) == [bad]
    assert reason in library.unreadable()[bad]
    assert library.find("scorpion") == scorpion


def test_folders_and_other_files_are_no_models(library, scorpion):
    (library.folder / "folder.safetensors").mkdir()
    (library.folder / ".abc-x.safetensors").write_bytes(b"being written")
    (library.folder / "notes.txt").write_text("mine")
    assert library.models() == [scorpion]
    assert [path.name for path in library.unreadable()] == ["folder.safetensors"]


def test_files_copied_in_by_hand_are_models(library, scorpion, saved):
    by_hand = library.folder / "by hand.safetensors"
    by_hand.write_bytes(saved(2).read_bytes())
    model = library.find("by hand")
    assert model.known_sha256 == ""
    assert model.sha256 == hashlib.sha256(by_hand.read_bytes()).hexdigest()
    assert model.known_sha256 == model.sha256
    assert library.rename(model, "by Hannah").path == by_hand


def test_listing_reads_no_weights_and_no_file_twice(library, scorpion, monkeypatch):
    read = []
    real = header.read_header
    monkeypatch.setattr(
        "napari_umis_fusion.models.library._model.read_header",
        lambda path: read.append(path) or real(path),
    )
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed the whole file"))
    fresh = ModelLibrary(library.folder)
    assert fresh.models()[0].sha256 == scorpion.sha256  # noted beside it
    assert fresh.models() == [scorpion]
    assert read == [scorpion.path]


def test_a_hash_is_taken_anew_when_the_file_changed(library, scorpion, saved):
    scorpion.path.write_bytes(saved(9).read_bytes())
    os.utime(scorpion.path, (1e9, 1e9))
    (found,) = ModelLibrary(library.folder).models()
    assert found.sha256 == hashlib.sha256(saved(9).read_bytes()).hexdigest()


def test_find(library, saved, scorpion):
    other = library.add(saved(2), scorpion.sha256[:8])  # named like the hash of another
    assert library.find("SCORPION ") == scorpion
    assert library.find(scorpion.sha256) == scorpion
    assert library.find(scorpion.sha256[:9].upper()) == scorpion
    assert library.find(scorpion.sha256[:8]) == other
    assert library.find("plane-ranker").is_shipped
    for absent in ("spider", scorpion.sha256[:3], ""):
        with pytest.raises(CheckpointError, match=r"no such model; accepted are .*'scorpion'"):
            library.find(absent)


def test_hashes_that_begin_alike(library, scorpion, saved, monkeypatch):
    library.add(saved(2), "spider")
    fake = {library.folder: "abcdef12", shipped.SHIPPED: "00000000"}
    monkeypatch.setattr(
        "napari_umis_fusion.models.library._model.sha256_of", lambda path: fake[path.parent]
    )
    with pytest.raises(CheckpointError, match=r"of 'spider', 'scorpion' start with it; give"):
        ModelLibrary(library.folder).find("abcdef")


def test_delete(library, scorpion, saved):
    other = library.add(saved(2), "spider")
    library.delete(scorpion)
    assert library.models() == [other]
    assert files(library) == [other.path.with_suffix(".json").name, other.path.name]
    with pytest.raises(CheckpointError, match="does not exist any more"):
        library.delete(scorpion)


def test_only_models_of_the_library_are_changed(library, scorpion, tmp_path, saved):
    elsewhere = ModelLibrary(tmp_path / "elsewhere").add(saved(2), "theirs")
    for change in (
        lambda model: library.delete(model),
        lambda model: library.rename(model, "x"),
        lambda model: library.annotate(model, "x"),
    ):
        with pytest.raises(CheckpointError, match="is not in the library"):
            change(elsewhere)
        with pytest.raises(CheckpointError, match="comes with the package"):
            change(shipped_models()[0])
    assert elsewhere.path.exists()
    assert shipped_models()[0].path.exists()


@pytest.mark.parametrize("failing", ["write_bytes", "write_text"], ids=["weights", "json"])
def test_a_full_disk_leaves_nothing_half_written(library, scorpion, saved, monkeypatch, failing):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = files(library)
    source = saved(2)
    with monkeypatch.context() as patch:
        patch.setattr(Path, failing, fail)
        with pytest.raises(CheckpointError, match=r"the disk is full.*free some space"):
            library.add(source, "spider")
    assert files(library) == before
    assert library.models() == [scorpion]


def test_a_folder_that_cannot_be_made(tmp_path, saved):
    (tmp_path / "file").write_text("mine")
    library = ModelLibrary(tmp_path / "file" / "models")
    assert library.models() == []
    with pytest.raises(CheckpointError, match=r"models: cannot be written .*choose a folder"):
        library.add(saved(1))


@pytest.mark.parametrize("name", ["absent.safetensors", "absent.pth", "notes.txt", "bad.pth"])
def test_what_is_no_checkpoint_does_not_come_in(library, tmp_path, name):
    for present in ("notes.txt", "bad.pth"):
        (tmp_path / present).write_text("mine")
    with pytest.raises(CheckpointError, match=name):
        library.add(tmp_path / name)
    assert library.models() == []


def test_export_is_the_file_byte_for_byte(library, scorpion, tmp_path):
    path = library.export(scorpion, tmp_path / "out.safetensors")
    assert path.read_bytes() == scorpion.path.read_bytes()
    path.write_text("mine")
    with pytest.raises(CheckpointError, match="exists already"):
        library.export(scorpion, path)
    assert path.read_text() == "mine"
    assert library.export(scorpion, path, replace=True).read_bytes() == scorpion.path.read_bytes()


def test_export_never_lands_among_models(library, scorpion):
    for folder in (library.folder, shipped.SHIPPED):
        with pytest.raises(CheckpointError, match="is in a folder of models"):
            library.export(scorpion, folder / "plane-ranker.safetensors", replace=True)


def test_what_was_exported_comes_in_again_under_its_name(library, scorpion, tmp_path):
    path = library.export(scorpion, tmp_path / scorpion.path.name)
    other = ModelLibrary(tmp_path / "other").add(path)
    assert (other.name, other.sha256) == ("scorpion", scorpion.sha256)


def test_the_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("UMIS_FUSION_MODELS", raising=False)
    usual = default_folder()
    assert usual.name == "models"
    assert "napari-umis-fusion" in usual.parts
    assert ModelLibrary().folder == usual
    monkeypatch.setenv("UMIS_FUSION_MODELS", str(tmp_path / "mine"))
    assert ModelLibrary().folder == tmp_path / "mine"
    assert ModelLibrary(tmp_path / "other").folder == tmp_path / "other"


def test_weights_by_file_or_name(library, scorpion, tmp_path, monkeypatch):
    monkeypatch.setenv("UMIS_FUSION_MODELS", str(library.folder))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scorpion").mkdir()  # the stack, perhaps
    assert find_weights("scorpion") == str(scorpion.path)
    assert find_weights("absent.pth") == "absent.pth"
    assert find_weights(str(scorpion.path)) == str(scorpion.path)
    with pytest.raises(CheckpointError, match="'beetle': no such model; accepted are 'scorpion'"):
        find_weights("beetle")


def test_listing_loads_no_torch(library, scorpion):
    code = (
        "import sys; from napari_umis_fusion.models.library import ModelLibrary, shipped_models;"
        f"found = ModelLibrary({str(library.folder)!r}).models() + shipped_models();"
        "print(len(found), found[0].sha256, 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["3", scorpion.sha256, "False"]
