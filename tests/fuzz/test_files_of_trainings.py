"""Damaged files of trainings, models and alignments: each is refused in one of our errors."""

import copy
import json
import math
import os
import warnings
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fuzz.harmless import FUZZ, harmless
from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network import load_checkpoint, shipped_weights
from napari_umis_fusion.training import TrainingConfig, TrainingSession, load_config, save_config
from napari_umis_fusion.training.data import ImageSet, load_images
from napari_umis_fusion.training.loop import load_state

NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([-1, 0, 2**31, 2**63, 2**64, 10**30, math.nan, math.inf, 1e300, 1e-300]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=9), st.just("x" * 100_000)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(["self", "cls", "config", "", "__class__", "steps", "~", "kind"])


def swapped(value, draw):
    """Return a copy of a JSON value with one entry replaced, removed or added."""
    made = copy.deepcopy(value)
    parent, key = None, None
    here = made
    while (isinstance(here, dict) and here and draw(st.booleans())) or parent is None:
        parent, key = here, draw(st.sampled_from(sorted(here)))
        here = here[key]
    kind = draw(st.sampled_from(["replace", "remove", "add", "nest"]))
    if kind == "remove":
        del parent[key]
    elif kind == "add":
        parent[draw(KEYS)] = draw(VALUES)
    elif kind == "nest":
        parent[key] = [parent[key]]
    else:
        parent[key] = draw(VALUES)
    return made


def damaged(content, draw):
    """Return bytes that were flipped, cut, doubled or replaced."""
    kind = draw(st.sampled_from(["flip", "cut", "zero", "insert", "garbage"]))
    at = draw(st.integers(0, max(len(content) - 1, 0)))
    if kind == "flip":
        bit = draw(st.integers(1, 255))
        return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
    if kind == "cut":
        return content[:at]
    if kind == "zero":
        return content[:at] + bytes(min(64, len(content) - at)) + content[at + 64 :]
    if kind == "insert":
        return content[:at] + draw(st.binary(max_size=20)) + content[at:]
    return draw(st.binary(max_size=200))


# --- whole files with bytes damaged


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A whole file of each kind, with the function that reads it."""
    folder = tmp_path_factory.mktemp("whole")
    config = save_config(folder / "config.json", TrainingConfig())
    images = ImageSet((np.ones((20, 30), np.float32),) * 2, ("a", "b"), ("s", "s"))
    table = np.zeros((3, 2, 3)) + np.eye(2, 3)
    alignment = Alignment.given(table, (40, 50)).save(folder / "alignment.csv")
    session = TrainingSession.create(
        TrainingConfig(), name="n", folder=folder / "session", data=["/a"]
    )
    weights = dict(load_checkpoint(shipped_weights("umis-unetplusplus")).state_dict)
    torch.save(weights, folder / "published.pth")
    return {
        "config": (config, load_config),
        "images": (images.save(folder / "images.npz"), load_images),
        "alignment": (alignment, Alignment.load),
        "session": (session.folder / "session.json", lambda path: TrainingSession(path.parent)),
        "weights": (shipped_weights("plane-ranker"), load_checkpoint),
        "published": (folder / "published.pth", load_checkpoint),
    }


KINDS = ("config", "images", "alignment", "session", "weights", "published")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_bytes_end_in_an_error_of_ours(kind, files, tmp_path):
    whole, read = files[kind]
    content = whole.read_bytes()
    path = tmp_path / whole.name

    @FUZZ
    @given(st.data())
    def check(data):
        path.write_bytes(damaged(content, data.draw))
        harmless(read, path)

    check()


@pytest.mark.parametrize("kind", ["config", "session"])
def test_swapped_entries_end_in_an_error_of_ours(kind, files, tmp_path):
    whole, read = files[kind]
    content = json.loads(whole.read_text("utf-8"))
    path = tmp_path / whole.name

    @FUZZ
    @given(st.data())
    def check(data):
        path.write_text(json.dumps(swapped(content, data.draw)), "utf-8")
        harmless(read, path)

    check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, "1" * 5000, "", "null", "\x00" * 50, "\ufeff{}"],
    ids=["lists", "objects", "digits", "empty", "null", "zeros", "mark"],
)
def test_texts_that_break_parsers(kind, text, files, tmp_path):
    whole, read = files[kind]
    path = tmp_path / whole.name
    path.write_text(text, "utf-8")
    with pytest.raises(UmisFusionError):
        read(path)
    harmless(read, path)


@pytest.mark.parametrize("kind", KINDS)
def test_no_pipe_device_folder_or_giant_is_waited_for(kind, files, tmp_path):
    whole, read = files[kind]
    path = tmp_path / whole.name
    os.mkfifo(path)
    with pytest.raises(UmisFusionError):
        read(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(UmisFusionError):
        read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UmisFusionError):
        read(path)
    path.rmdir()
    path.symlink_to(path.name)
    with pytest.raises(UmisFusionError):
        read(path)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(2**41)  # sparse: takes no room
    with pytest.raises(UmisFusionError):
        read(path)


# --- what a state holds


def state_entries():
    tensor = torch.zeros(3)
    column = [torch.tensor([1, 2]), torch.tensor([0.5, 0.25], dtype=torch.float64)]
    best = {"weights": {"w": tensor}, "step": 1, "score": 1.0, "metrics": {"psnr": 3.0}}
    return {
        "format": 1,
        "config": json.dumps(TrainingConfig().as_dict()),
        "data": json.dumps({"images": 3}),
        "step": 2,
        "weights": {"w": tensor},
        "optimizer": {"state": {}, "param_groups": []},
        "best": best,
        "without_gain": 0,
        "start_metrics": {"psnr": 2.0},
        "validated": 1,
        "curve": {"total": column},
    }


def test_the_whole_state_is_read(tmp_path):
    torch.save(state_entries(), tmp_path / "training.state")
    state = load_state(tmp_path / "training.state")
    assert (state.step, state.best.step, len(state.curve.rows)) == (2, 1, 2)


def test_states_with_other_entries(tmp_path):
    path = tmp_path / "training.state"
    tensors = st.sampled_from(
        [torch.zeros(2), torch.zeros(2, 2), torch.tensor(True), torch.zeros(2, dtype=torch.int8)]
    )

    @FUZZ
    @given(st.data())
    def check(data):
        value = data.draw(st.one_of(VALUES, tensors, st.lists(tensors, max_size=3)))
        content = state_entries()
        place = data.draw(st.sampled_from([*content, "more"]))
        content[place] = value
        torch.save(content, path)
        harmless(load_state, path)

    check()


@pytest.mark.parametrize(
    "column",
    [
        [torch.tensor([2, 1]), torch.zeros(2, dtype=torch.float64)],
        [torch.tensor([1, 2]), torch.zeros(3, dtype=torch.float64)],
        [torch.tensor([1, 2]), torch.zeros(2)],
        [torch.tensor([1.0, 2]), torch.zeros(2, dtype=torch.float64)],
        [torch.tensor([1, 2])],
        [],
    ],
)
def test_damaged_curves_of_a_state(tmp_path, column):
    torch.save(state_entries() | {"curve": {"total": column}}, tmp_path / "training.state")
    with pytest.raises(UmisFusionError, match="damaged"):
        load_state(tmp_path / "training.state")


# --- weights


def quantized(tensor):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch moves them elsewhere; files with them stay
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.to(torch.int8),
        lambda t: t > 0,
        quantized,
        lambda t: t.to(torch.complex64),
        lambda t: t.to_sparse(),
        lambda t: {"nested": t},
        lambda t: [t],
        lambda t: t[..., None].expand(*t.shape, 2**20),
        lambda t: torch.full_like(t, math.nan),
        lambda t: None,
    ],
)
def test_weights_of_other_kinds_are_refused(tmp_path, change):
    state = dict(load_checkpoint(shipped_weights("plane-ranker")).state_dict)
    name = next(iter(state))
    state[name] = change(state[name])
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(UmisFusionError):
        load_checkpoint(tmp_path / "other.pth")
    harmless(load_checkpoint, tmp_path / "other.pth")


# --- arrays that are larger than their file


def test_images_that_claim_terabytes(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    header = header + b" " * (118 - len(header) - 1) + b"\n"
    about = {"kind": "napari-umis-fusion images", "names": ["a"], "sources": ["s"], "left_out": []}
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "image_0.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        )
        with file.open("about.npy", "w") as inner:
            np.save(inner, np.array(json.dumps(about)))
    with pytest.raises(UmisFusionError, match="shorter than it says"):
        load_images(path)


def test_compressed_images_are_refused(tmp_path):
    about = {"kind": "napari-umis-fusion images", "names": ["a"], "sources": ["s"], "left_out": []}
    path = tmp_path / "images.npz"
    zeros = np.zeros((3000, 3000), np.float32)
    np.savez_compressed(path, image_0=zeros, about=np.array(json.dumps(about)))
    with pytest.raises(UmisFusionError, match="compressed"):
        load_images(path)


# --- the library of models


def test_a_library_with_anything_in_it(tmp_path):
    library = ModelLibrary(tmp_path)
    good = tmp_path / "good.safetensors"
    good.write_bytes(shipped_weights("plane-ranker").read_bytes())
    os.mkfifo(tmp_path / "pipe.safetensors")
    os.mkfifo(tmp_path / "good.json")
    (tmp_path / "loop.safetensors").symlink_to("loop.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "empty.safetensors").touch()
    with (tmp_path / "giant.safetensors").open("wb") as file:
        file.truncate(2**42)
    assert [model.name for model in library.models()] == ["good"]
    assert {path.stem for path in library.unreadable()} == {
        "pipe",
        "loop",
        "folder",
        "empty",
        "giant",
    }
