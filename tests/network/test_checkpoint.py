import hashlib
import io
import os
import pickle

import numpy as np
import pytest
import safetensors.torch
import torch

from napari_umis_fusion.errors import CheckpointError
from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure
from napari_umis_fusion.fusion import fuse
from napari_umis_fusion.network import (
    PlaneRanker,
    UNetPlusPlus,
    describe_checkpoint,
    load_checkpoint,
    save_checkpoint,
    shipped_weights,
)
from napari_umis_fusion.network import _architectures as architectures
from napari_umis_fusion.network import _weights_file as files

METADATA = {"config": {"epochs": 80}, "training_data": "none", "scores": {"psnr": 31.5}}


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(5)
    return UNetPlusPlus().state_dict()


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, tensor in found.items():
        assert torch.equal(tensor, expected[name]), name


def test_round_trip(state, tmp_path):
    path = save_checkpoint(tmp_path / "w.safetensors", state, METADATA)
    checkpoint = load_checkpoint(path)
    assert_same(checkpoint.state_dict, state)
    assert_same(checkpoint.model().state_dict(), state)
    assert not checkpoint.model().training
    assert checkpoint.metadata.items() > METADATA.items()
    assert set(checkpoint.metadata) - set(METADATA) == {"architecture", "format_version", "version"}
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


def test_saving_replaces_whole_or_not_at_all(state, tmp_path, monkeypatch):
    path = save_checkpoint(tmp_path / "w.safetensors", state)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, state, METADATA)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_checkpoint_of_the_original(state, prefix, suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    torch.save({prefix + name: tensor for name, tensor in state.items()}, path)
    checkpoint = load_checkpoint(path)
    assert_same(checkpoint.state_dict, state)
    assert checkpoint.metadata == {}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(state, dtype, tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(
        {n: t.to(dtype) if t.is_floating_point() else t for n, t in state.items()}, path
    )
    loaded = load_checkpoint(path).state_dict
    assert {t.dtype for t in loaded.values()} == {torch.float32, torch.int64}
    torch.testing.assert_close(
        loaded["recon1.weight"], state["recon1.weight"], rtol=1e-2, atol=1e-3
    )


class _Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_pickle_never_runs(how, state, tmp_path):
    trace, path = tmp_path / "trace", tmp_path / "w.pth"
    evil = {**state, "recon1.bias": _Malicious(trace)}
    if how == "torch":
        torch.save(evil, path)
    else:
        path.write_bytes(pickle.dumps(_Malicious(trace), 2))
    with pytest.raises(CheckpointError, match=r"would run code \(\w+\.mkdir\); accepted are"):
        load_checkpoint(path)
    assert not trace.exists()


def saved(thing):
    content = io.BytesIO()
    torch.save(thing, content)
    return content.getvalue()


def damaged(state):
    whole, ours = saved(dict(state)), safetensors.torch.save(dict(state))
    return {
        "empty.pth": (b"", "the file is empty"),
        "empty.safetensors": (b"", "the file is empty"),
        "cut.pth": (whole[:-1000], "truncated, or not a checkpoint"),
        "cut.safetensors": (ours[:-1000], "truncated, or not a checkpoint"),
        "cut_early.safetensors": (ours[:20], "truncated, or not a checkpoint"),
        "text.pth": (b"hello world, no weights here", "truncated, or not a checkpoint"),
        "text.safetensors": (b"hello world, no weights here", "truncated, or not a checkpoint"),
        "list.pth": (saved([1, 2]), "holds a list that is not a state_dict"),
        "numbers.pth": (saved({"a": 1}), "holds a dict that is not a state_dict"),
        "ours.pth": (ours, "truncated, or not a checkpoint"),
        "weights.tif": (whole, r"ends in '.tif'; accepted are .safetensors, .pth, .pt"),
    }


@pytest.mark.parametrize("name", damaged({}))
def test_what_is_no_checkpoint(name, state, tmp_path):
    content, text = damaged(state)[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=text) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "none.pth")


def test_too_large(state, tmp_path, monkeypatch):
    path = save_checkpoint(tmp_path / "w.safetensors", state)
    monkeypatch.setattr(files, "MAX_BYTES", 1000)
    with pytest.raises(CheckpointError, match="accepted are at most 1000"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.pop("recon4.bias"), r"1 missing: recon4\.bias"),
        (lambda s: s.update(extra=torch.zeros(1)), "1 unexpected: extra"),
        (
            lambda s: s.update({"recon4.bias": torch.zeros(2)}),
            r"recon4\.bias \(2,\) instead of \(1,\)",
        ),
        (lambda s: s["recon3.bias"].fill_(float("nan")), r"1 not finite: recon3\.bias"),
        (lambda s: s.clear(), r"\d+ missing: conv0_0\.conv1\.weight, .*, \.\.\."),
    ],
)
def test_other_architecture(change, text, state, tmp_path):
    other = {name: tensor.clone() for name, tensor in state.items()}
    change(other)
    path = tmp_path / "w.pth"
    torch.save(other, path)
    with pytest.raises(CheckpointError, match=text):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match=text):
        save_checkpoint(tmp_path / "w.safetensors", other)


def test_other_architecture_by_its_header(state, tmp_path):
    path = tmp_path / "w.safetensors"
    header = {"napari_umis_fusion": '{"architecture": "umis-lite"}'}
    safetensors.torch.save_file(dict(state), path, header)
    with pytest.raises(CheckpointError, match="says architecture 'umis-lite'"):
        load_checkpoint(path)


def test_own_format_has_its_ending(state, tmp_path):
    with pytest.raises(CheckpointError, match=r"saved as \.safetensors"):
        save_checkpoint(tmp_path / "w.pth", state)


def test_description(state, tmp_path):
    path = save_checkpoint(tmp_path / "w.safetensors", state, METADATA)
    described = describe_checkpoint(path)
    assert described["parameters"] == 1_515_313
    assert described["format"] == "safetensors"
    assert described["architecture"] == "umis-unetplusplus"
    assert described["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert described["metadata"]["scores"] == {"psnr": 31.5}


# --- those that come with the package


@pytest.mark.parametrize("architecture", ["plane-ranker", "umis-unetplusplus"])
def test_shipped_weights(architecture):
    path = shipped_weights(architecture)
    assert load_checkpoint(path).architecture == path.stem == architecture
    assert architecture in path.with_suffix(".md").read_text("utf-8"), "a model card"


def test_shipped_weights_stay_small():
    files = architectures.SHIPPED.glob("*.safetensors")
    assert sum(file.stat().st_size for file in files) < 8e6


@pytest.mark.parametrize("architecture", ["plane-ranker", "umis-unetplusplus"])
def test_installation_that_lacks_weights(architecture, tmp_path, monkeypatch):
    monkeypatch.setattr(architectures, "SHIPPED", tmp_path)
    text = rf"{architecture}\.safetensors: no such file; install the package again"
    with pytest.raises(CheckpointError, match=text):
        shipped_weights(architecture)


@pytest.mark.parametrize(
    ("measure", "name"), [("learned", "plane-ranker"), ("umis", "umis-unetplusplus")]
)
def test_focus_measures_ask_for_their_own(measure, name, tmp_path, monkeypatch):
    monkeypatch.setattr(architectures, "SHIPPED", tmp_path)
    stack = np.zeros((2, 16, 16), np.uint8)
    with pytest.raises(CheckpointError, match=rf"{name}\.safetensors: no such file"):
        fuse(stack, focus_measure=measure, device="cpu")


# --- the other network


@pytest.fixture(scope="module")
def ranker():
    torch.manual_seed(6)
    return PlaneRanker().eval()


@pytest.mark.parametrize("as_state", [False, True])
def test_round_trip_of_a_plane_ranker(ranker, as_state, tmp_path):
    saved = ranker.state_dict() if as_state else ranker
    checkpoint = load_checkpoint(save_checkpoint(tmp_path / "w.safetensors", saved, METADATA))
    assert checkpoint.architecture == checkpoint.metadata["architecture"] == "plane-ranker"
    assert checkpoint.metadata["scores"] == METADATA["scores"]
    assert_same(checkpoint.state_dict, ranker.state_dict())
    again, planes = checkpoint.model(), torch.rand(1, 3, 32, 32)
    assert type(again) is PlaneRanker
    assert not again.training
    with torch.inference_mode():
        one, other = ranker(planes), again(planes)
    assert torch.equal(one.select, other.select)
    assert torch.equal(one.weigh, other.weigh)


@pytest.mark.parametrize("saved_anew", [False, True])
def test_files_of_before_know_one_order(ranker, saved_anew, tmp_path):
    before = {name: value for name, value in ranker.state_dict().items() if name != "both_orders"}
    path = tmp_path / "w.safetensors"
    if saved_anew:
        save_checkpoint(path, before)
    else:
        header = '{"architecture": "plane-ranker", "format_version": 1}'
        safetensors.torch.save_file(before, path, {"napari_umis_fusion": header})
    checkpoint = load_checkpoint(path)
    assert checkpoint.model().both_orders.tolist() == [0]
    again = save_checkpoint(tmp_path / "again.safetensors", checkpoint.model())
    assert_same(load_checkpoint(again).state_dict, checkpoint.state_dict)


def test_description_of_a_plane_ranker(ranker, tmp_path):
    described = describe_checkpoint(save_checkpoint(tmp_path / "w.safetensors", ranker))
    assert described["architecture"] == "plane-ranker"
    assert described["parameters"] == sum(p.numel() for p in ranker.parameters())


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_without_a_header_weights_are_of_the_published_network(state, ranker, suffix, tmp_path):
    def write(name, weights):
        path = tmp_path / f"{name}{suffix}"
        save = torch.save if suffix == ".pth" else safetensors.torch.save_file
        save(dict(weights), path)
        return path

    checkpoint = load_checkpoint(write("published", state))
    assert checkpoint.architecture == "umis-unetplusplus"
    assert type(checkpoint.model()) is UNetPlusPlus
    with pytest.raises(CheckpointError, match="not weights of the architecture 'umis-unet"):
        load_checkpoint(write("other", ranker.state_dict()))


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (
            '{"architecture": "plane-ranker-2"}',
            r"says architecture 'plane-ranker-2'; accepted are umis-unetplusplus, "
            "plane-ranker: update the package",
        ),
        ('{"architecture": ["plane-ranker"]}', r"says architecture \['plane-ranker'\]"),
        ('{"architecture": null}', "says architecture None"),
        (
            '{"architecture": "umis-unetplusplus"}',
            "not weights of the architecture 'umis-unetplusplus' .*missing.*unexpected",
        ),
        ("[1]", "truncated, or not a checkpoint"),
        ("not JSON", "truncated, or not a checkpoint"),
    ],
)
def test_header_that_does_not_fit(ranker, header, text, tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(ranker.state_dict(), path, {"napari_umis_fusion": header})
    with pytest.raises(CheckpointError, match=text):
        load_checkpoint(path)


def test_a_damaged_plane_ranker_is_named_as_such(ranker, tmp_path):
    state = {name: tensor for name, tensor in ranker.state_dict().items() if name != "head.bias"}
    with pytest.raises(CheckpointError, match=r"'plane-ranker' \(1 missing: head\.bias\)"):
        save_checkpoint(tmp_path / "w.safetensors", state)


def test_the_published_measure_takes_the_published_network_only(ranker, tmp_path):
    path = save_checkpoint(tmp_path / "w.safetensors", ranker)
    with pytest.raises(CheckpointError, match=r"weights of 'plane-ranker', which .* 'umis' cannot"):
        UmisFocusMeasure(path, "cpu")
