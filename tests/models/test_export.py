import contextlib
import logging
import os
import socket
import subprocess
import sys
import warnings
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import napari_umis_fusion
from napari_umis_fusion.errors import CheckpointError, ConfigError
from napari_umis_fusion.focus_measure._deep_spatial_frequency import deep_spatial_frequency
from napari_umis_fusion.focus_measure._umis import UmisFocusMeasure
from napari_umis_fusion.models.export import EXPORT_SUFFIXES, export_model
from napari_umis_fusion.models.export._bioimage_description import URLS, zoo_name
from napari_umis_fusion.models.export._bioimage_package import write_package
from napari_umis_fusion.models.export._description import ExportDescription
from napari_umis_fusion.models.export._interface import INTERFACES, exported_module
from napari_umis_fusion.models.export._package_readme import UNKNOWN, readme
from napari_umis_fusion.network import load_checkpoint, save_checkpoint, shipped_weights

HEADER = {
    "config": {"objective": "select", "steps": 7},
    "training_data": {"training_images": 3, "sources": {"pond_life": 3}},
    "scores": {"psnr": 31.25},
}
RANKER_SHAPES = [(1, 2, 16, 16), (1, 9, 64, 80), (2, 3, 32, 48), (1, 1, 48, 16)]
FEATURE_SHAPES = [(1, 1, 16, 16), (2, 1, 35, 50), (1, 1, 31, 17)]


@dataclass(frozen=True)
class Export:
    """A file that was exported, and what happened meanwhile."""

    checkpoint: object
    path: Path
    printed: str
    disturbed: list[str]

    def unpacked(self, name):
        with zipfile.ZipFile(self.path) as package:
            return package.read(name)


def state_of_torch():
    return {
        "gradients": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
        "random numbers": torch.get_rng_state().tolist(),
        "log levels": [logging.getLogger(name).level for name in ("torch", "torch.onnx")],
        # libraries that are loaded add filters for warnings of their own
        "warnings": [entry for entry in warnings.filters if entry[2].__module__ == "builtins"],
    }


@contextlib.contextmanager
def listening(file):
    """Send what is printed to a file, also by code that is not Python."""
    kept = [os.dup(number) for number in (1, 2)]
    with file.open("wb") as sink:
        for number in (1, 2):
            os.dup2(sink.fileno(), number)
        try:
            yield
        finally:
            for number, original in zip((1, 2), kept, strict=True):
                os.dup2(original, number)
                os.close(original)


def exported(checkpoint, path, **about):
    before = state_of_torch()
    with listening(path.with_suffix(".txt")):
        assert export_model(checkpoint, path, **about) == path
    after = state_of_torch()
    printed = path.with_suffix(".txt").read_text("utf-8")
    return Export(checkpoint, path, printed, [key for key in before if before[key] != after[key]])


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Keep bioimageio.spec out of the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOIMAGEIO_CACHE_PATH", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def lookups(monkeypatch):
    """Addresses that were looked up; none is found."""
    asked = []

    def refuse(*address, **_):
        asked.append(address)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


@pytest.fixture(scope="session")
def ranker(busy_ranker, tmp_path_factory):
    path = tmp_path_factory.mktemp("ranker") / "mine.safetensors"
    return load_checkpoint(save_checkpoint(path, busy_ranker, HEADER))


@pytest.fixture(scope="session")
def unet():
    return load_checkpoint(shipped_weights("umis-unetplusplus"))


@pytest.fixture(scope="session")
def package(ranker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    return exported(
        ranker,
        folder / "mine.zip",
        name="Pond life, 2×",
        note="on *moss*",
        authors=["Ann Lee", " ", "Bo / Lab"],
        licence="CC-BY-4.0",
    )


@pytest.fixture(scope="session")
def features(unet, tmp_path_factory):
    return exported(unet, tmp_path_factory.mktemp("onnx") / "unet.onnx", name="UMIS")


def runtime(content):
    import onnxruntime

    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def run(content, planes):
    return runtime(content).run(None, {"planes": planes})


def random_planes(shape, black, white):
    values = torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)))
    return black + (white - black) * values


@torch.inference_mode()
def assert_same_as_torch(checkpoint, content, shape):
    planes = random_planes(shape, *INTERFACES[checkpoint.architecture].values)
    expected = exported_module(checkpoint.model())(planes)
    found = run(content, planes.numpy())
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=0, atol=1e-4)


# --- ONNX


@pytest.mark.slow
@pytest.mark.parametrize("shape", RANKER_SHAPES)
def test_a_ranker_scores_as_in_torch_whatever_the_size(package, shape):
    assert_same_as_torch(package.checkpoint, package.unpacked("weights.onnx"), shape)


@pytest.mark.slow
@pytest.mark.parametrize("shape", FEATURE_SHAPES)
def test_features_are_those_of_torch_whatever_the_size(features, shape):
    assert_same_as_torch(features.checkpoint, features.path.read_bytes(), shape)


@pytest.mark.slow
def test_a_rankers_outputs_are_named_in_order(package, ranker):
    session = runtime(package.unpacked("weights.onnx"))
    assert [entry.name for entry in session.get_inputs()] == ["planes"]
    assert [entry.name for entry in session.get_outputs()] == ["select", "weigh"]
    planes = random_planes((1, 3, 32, 32), 0, 1)
    weigh = session.run(["weigh"], {"planes": planes.numpy()})[0]
    with torch.inference_mode():
        np.testing.assert_allclose(weigh, ranker.model()(planes).weigh.numpy(), atol=1e-4)


@pytest.mark.slow
def test_the_axes_of_any_length_have_names(package, features):
    session = runtime(package.unpacked("weights.onnx"))
    assert session.get_inputs()[0].shape == ["batch", "z", "y", "x"]
    assert session.get_outputs()[0].shape == ["batch", "z", "y", "x"]
    session = runtime(features.path.read_bytes())
    assert session.get_inputs()[0].shape == ["batch", 1, "y", "x"]
    assert session.get_outputs()[0].shape == ["batch", 16, "y", "x"]


@pytest.mark.slow
def test_focus_is_computed_from_the_features_as_the_file_says(features, unet):
    unit = random_planes((40, 50), 0, 1).numpy()
    found = deep_spatial_frequency(run(features.path.read_bytes(), 2 * unit[None, None] - 1)[0][0])
    expected = UmisFocusMeasure(unet, device="cpu")(unit)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.slow
def test_metadata_tells_what_the_network_is(package, features):
    said = runtime(package.unpacked("weights.onnx")).get_modelmeta().custom_metadata_map
    assert said["name"] == "Pond life, 2×"
    assert said["note"] == "on *moss*"
    assert said["authors"] == "Ann Lee, Bo / Lab"
    assert said["weights_sha256"] == package.checkpoint.sha256
    assert "0 to 1" in said["input planes"]
    assert "multiples of 16" in said["input planes"]
    assert "softmax along z" in said["output weigh"]
    said = runtime(features.path.read_bytes()).get_modelmeta().custom_metadata_map
    assert "x[0][4]" in said["output features"]
    assert "note" not in said


@pytest.mark.slow
def test_old_runtimes_read_it_and_it_names_no_file_of_this_machine(package, features):
    import onnx

    for content in (package.unpacked("weights.onnx"), features.path.read_bytes()):
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model, full_check=True)
        assert (model.ir_version, model.opset_import[0].version) == (8, 18)
        for place in (Path(napari_umis_fusion.__file__).parent, "site-packages", '.py"'):
            assert str(place).encode() not in content


@pytest.mark.slow
def test_nothing_is_printed_or_left_changed(package, features):
    assert package.printed == features.printed == ""
    assert package.disturbed == features.disturbed == []


# --- package for the Model Zoo


def load_description(path):
    import bioimageio.spec

    with zipfile.ZipFile(path) as package, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves files open, and says what it cannot look up
        return bioimageio.spec.load_description(package, known_files=dict.fromkeys(URLS))


@pytest.fixture(scope="session")
def described(package):
    return load_description(package.path)


@pytest.mark.slow
def test_the_package_is_valid(described):
    from bioimageio.spec.model.v0_5 import ModelDescr

    assert isinstance(described, ModelDescr), described.validation_summary.errors
    assert described.validation_summary.status in ("valid-format", "passed")
    assert described.name == "Pond life- 2"
    assert [author.name for author in described.authors] == ["Ann Lee", "Bo, Lab"]
    assert str(described.license) == "CC-BY-4.0"
    assert str(described.cite[0].url) == "https://github.com/Xinzhe99/UMIS-Fusion"


@pytest.mark.slow
def test_sizes_in_the_description_are_those_the_network_takes(described):
    sizes = {axis.id: getattr(axis, "size", None) for axis in described.inputs[0].axes}
    assert {name: (sizes[name].min, sizes[name].step) for name in "zyx"} == {
        "z": (1, 1),
        "y": (16, 16),
        "x": (16, 16),
    }
    for output in described.outputs:
        references = [axis.size for axis in output.axes if axis.id != "batch"]
        assert [str(size.axis_id) for size in references] == ["z", "y", "x"]


@pytest.mark.slow
def test_the_network_in_the_package_makes_the_test_outputs_of_the_test_input(package, tmp_path):
    arrays = unpacked_tensors(package.path, tmp_path)
    found = run(package.unpacked("weights.onnx"), arrays["planes"])
    for name, scores in zip(("select", "weigh"), found, strict=True):
        np.testing.assert_allclose(scores, arrays[name], rtol=0, atol=1e-4)
        assert scores.std() > 0.1


def unpacked_tensors(path, folder):
    with zipfile.ZipFile(path) as package:
        package.extractall(folder)
    files = sorted(folder.glob("test_*.npy"))
    return {file.stem.removeprefix("test_"): np.load(file) for file in files}


def preprocessed(planes, steps):
    """Do what the description asks for before the network runs."""
    for step in steps:
        kwargs = step.kwargs
        match step.id:
            case "scale_range":
                ends = [kwargs.min_percentile, kwargs.max_percentile]
                low, high = np.percentile(planes, ends)
                planes = (planes - low) / (high - low + 1e-6)
            case "clip":
                planes = np.clip(planes, kwargs.min, kwargs.max)
            case "scale_linear":
                planes = planes * kwargs.gain + kwargs.offset
    return planes


@pytest.mark.slow
def test_preprocessing_leaves_the_test_input_as_it_is(package, described, tmp_path):
    """So that programs that do it, and those that do not, find the same."""
    planes = unpacked_tensors(package.path, tmp_path)["planes"]
    assert (planes.min(), planes.max()) == (0, 1)
    found = preprocessed(planes, described.inputs[0].preprocessing)
    np.testing.assert_allclose(found, planes, rtol=0, atol=1e-5)
    scaled = preprocessed(40 + 1000 * planes, described.inputs[0].preprocessing)
    np.testing.assert_allclose(scaled, planes, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_weights_in_the_package_are_a_checkpoint_of_ours(package, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(package.unpacked("weights.safetensors"))
    found = load_checkpoint(tmp_path / "w.safetensors")
    assert found.sha256 == package.checkpoint.sha256
    assert found.metadata["scores"] == {"psnr": 31.25}


@pytest.mark.slow
def test_the_cover_is_a_small_picture_twice_as_wide_as_high(package, tmp_path):
    (tmp_path / "cover.png").write_bytes(package.unpacked("cover.png"))
    assert len(package.unpacked("cover.png")) < 500_000
    with Image.open(tmp_path / "cover.png") as picture:
        assert picture.width == 2 * picture.height
        assert np.std(np.asarray(picture)) > 20


@pytest.mark.slow
def test_features_are_packed_too_and_nothing_is_looked_up(features, tmp_path, lookups):
    import bioimageio.spec

    path = tmp_path / "unet.zip"
    network = features.path.read_bytes()
    write_package(features.checkpoint, path, ExportDescription("UMIS"), network)
    assert lookups == []
    found = load_description(path)
    assert not isinstance(found, bioimageio.spec.InvalidDescr), found.validation_summary.errors
    assert found.name == "UMIS umis-unetplusplus"
    assert [author.name for author in found.authors] == ["unnamed"]
    arrays = unpacked_tensors(path, tmp_path / "all")
    np.testing.assert_allclose(run(network, arrays["planes"])[0], arrays["features"], atol=1e-4)
    scaled = preprocessed(arrays["planes"], found.inputs[0].preprocessing)
    np.testing.assert_allclose(scaled, arrays["planes"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Scorpion, fine-tuned", "Scorpion- fine-tuned"),
        ("Käfer", "Kafer"),
        ("moss", "moss plane-ranker"),
        ("苔", "plane-ranker"),
        ("a" * 200, "a" * 64),
    ],
)
def test_names_are_made_of_what_the_zoo_allows(name, expected):
    assert zoo_name(name, "plane-ranker") == expected


def test_a_licence_that_the_zoo_does_not_know_is_refused(ranker, tmp_path):
    with pytest.raises(ConfigError, match=r"refuses the package \(license.*SPDX identifiers"):
        write_package(ranker, tmp_path / "x.zip", ExportDescription("Mosses", licence="mine"), b"")
    assert list(tmp_path.iterdir()) == []


# --- documentation of a package


@pytest.mark.slow
def test_the_documentation_tells_origin_training_and_scores(package):
    text = package.unpacked("README.md").decode()
    for said in (
        "# Pond life, 2×",
        r"on \*moss\*",
        r"pond\_life: 3",
        "psnr: 31.25",
        "Ann Lee",
        "CC-BY-4.0",
        package.checkpoint.sha256,
        "--focus-measure learned",
        "## Validation",
        "## Limits",
    ):
        assert said in text
    assert UNKNOWN not in text


@pytest.mark.parametrize("header", [{}, {"config": None, "scores": [], "training_data": "moss"}])
def test_the_documentation_says_what_it_does_not_know(ranker, header):
    text = readme(
        replace(ranker, metadata=header | {"architecture": "plane-ranker"}), ExportDescription("M")
    )
    assert text.count(UNKNOWN) == (1 if "training_data" in header else 2)
    assert "trained by unnamed" in text


# --- weights


def test_weights_are_copied_byte_for_byte(ranker, tmp_path):
    path = export_model(ranker, tmp_path / "copy.safetensors", name="copy")
    assert path.read_bytes() == ranker.path.read_bytes()


def test_weights_can_be_exported_to_where_they_are(ranker, tmp_path):
    path = export_model(ranker, tmp_path / "copy.safetensors", name="copy")
    assert export_model(load_checkpoint(path), path, name="copy") == path
    assert load_checkpoint(path).sha256 == ranker.sha256


@pytest.mark.parametrize("change", ["gone", "other"])
def test_weights_whose_file_changed_come_from_memory(ranker, tmp_path, change):
    source = export_model(ranker, tmp_path / "source.safetensors", name="source")
    checkpoint = load_checkpoint(source)
    if change == "gone":
        source.unlink()
    else:
        source.write_bytes(shipped_weights("plane-ranker").read_bytes())
    assert_same_weights(export_model(checkpoint, tmp_path / "new.safetensors", name="new"), ranker)


def test_weights_of_the_original_get_our_format(unet, tmp_path):
    torch.save(dict(unet.state_dict), tmp_path / "original.pth")
    checkpoint = load_checkpoint(tmp_path / "original.pth")
    assert_same_weights(export_model(checkpoint, tmp_path / "new.safetensors", name="new"), unet)


def assert_same_weights(path, expected):
    found = load_checkpoint(path)
    assert found.architecture == expected.architecture
    assert found.arrays.keys() == expected.arrays.keys()
    for name, weights in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], weights)


# --- what cannot be exported


@pytest.mark.parametrize("ending", ["", ".pth", ".ONNX.txt"])
def test_endings_that_stand_for_nothing_are_refused(ranker, tmp_path, ending):
    with pytest.raises(ConfigError, match=r"\.safetensors, \.onnx, \.zip: change the extension"):
        export_model(ranker, tmp_path / f"mine{ending}", name="mine")


def test_a_network_without_a_name_is_refused(ranker, tmp_path):
    with pytest.raises(ConfigError, match="give the network a name"):
        export_model(ranker, tmp_path / "mine.onnx", name="  ")


def test_a_library_that_is_missing_is_named(ranker, tmp_path, monkeypatch):
    target = tmp_path / "mine.zip"
    target.write_text("as it was")
    monkeypatch.setitem(sys.modules, "bioimageio.spec", None)
    monkeypatch.delitem(sys.modules, "bioimageio.spec.model", raising=False)
    with pytest.raises(CheckpointError, match=r"bioimageio\.spec.*pip install .*fusion\[zoo\]"):
        export_model(ranker, target, name="mine")
    assert [(path, path.read_text()) for path in tmp_path.iterdir()] == [(target, "as it was")]


@pytest.mark.parametrize("ending", [".safetensors", ".onnx"])
def test_a_folder_that_is_missing_is_told(ranker, tmp_path, ending):
    with pytest.raises(CheckpointError, match="cannot be written"):
        export_model(ranker, tmp_path / "none" / f"mine{ending}", name="mine")


def test_looking_at_the_formats_loads_nothing_heavy():
    assert list(EXPORT_SUFFIXES) == [".safetensors", ".onnx", ".zip"]
    code = (
        "import sys, napari_umis_fusion.models.export._export; "
        "print([m for m in ('torch', 'onnx', 'bioimageio.spec') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
