"""What computes where, without asking torch where that is needless."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_umis_fusion.network import _device, runs_without_torch
from napari_umis_fusion.network import _engine as module


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Pretend that packages are installed, torch as built for `text`."""

    def pretend(*names, text=""):
        (tmp_path / "version.py").write_text(text)
        spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
        monkeypatch.setattr(module, "find_spec", lambda name: spec if name in names else None)
        monkeypatch.setattr(module, "has_onnxruntime", lambda: "onnxruntime" in names)

    return pretend


CPU_BUILD = "cuda: Optional[str] = None\nhip: Optional[str] = None\nxpu: Optional[str] = None\n"
CUDA_BUILD = CPU_BUILD.replace("None", "'12.8'", 1)


@pytest.fixture
def driver(monkeypatch):
    def pretend(*, present, platform="linux"):
        monkeypatch.setattr(module.sys, "platform", platform)
        monkeypatch.setattr(module.os.path, "exists", lambda path: present)
        monkeypatch.setattr(module, "find_library", lambda name: None)

    return pretend


@pytest.mark.parametrize(
    ("text", "present", "platform", "expected"),
    [
        (CPU_BUILD, True, "linux", False),
        (CUDA_BUILD, False, "linux", False),
        (CUDA_BUILD, True, "linux", True),
        (CPU_BUILD.replace("hip: Optional[str] = None", "hip = '6.2'"), True, "linux", True),
        (CPU_BUILD, False, "darwin", True),
        ("a file of another kind", True, "linux", True),
    ],
)
def test_torch_is_asked_only_where_it_may_know(
    text, present, platform, expected, installed, driver
):
    installed("torch", text=text)
    driver(present=present, platform=platform)
    assert module.may_have_accelerator() is expected


def test_without_torch_there_is_no_accelerator(installed, driver):
    installed()
    driver(present=True)
    assert not module.may_have_accelerator()


@pytest.mark.parametrize(
    ("wanted", "may_have", "found", "expected"),
    [
        ("cpu", True, "cuda", True),
        ("auto", False, "cuda", True),
        ("auto", True, "cuda", False),
        ("auto", True, "cpu", True),
        ("cuda", False, "cpu", False),
        ("mps", False, "cpu", False),
    ],
)
def test_choice(wanted, may_have, found, expected, installed, monkeypatch):
    installed("onnxruntime")
    monkeypatch.setattr(module, "may_have_accelerator", lambda: may_have)
    monkeypatch.setattr(_device, "choose_device", lambda wanted: SimpleNamespace(type=found))
    assert runs_without_torch(wanted) is expected


@pytest.mark.parametrize("wanted", ["cpu", "auto"])
def test_torch_computes_where_the_runtime_is_missing(wanted, installed):
    installed("torch")
    assert not runs_without_torch(wanted)


@pytest.mark.parametrize("error", [ImportError("DLL load failed"), OSError("not found")])
def test_a_runtime_that_does_not_load_is_missing(error, monkeypatch):
    def fail():
        raise error

    assert module.has_onnxruntime()
    monkeypatch.setattr(module, "onnx_runtime", fail)
    assert not module.has_onnxruntime()
    assert not runs_without_torch("cpu")


def test_this_build_says_what_it_is_for():
    torch = pytest.importorskip("torch")
    for_cards = torch.version.cuda is not None or torch.version.hip is not None
    assert module._built_for_accelerators() is for_cards


@pytest.mark.parametrize("measure", ["learned", "laplacian"])
def test_a_whole_fusion_on_a_cpu_imports_no_torch(measure, tmp_path):
    code = (
        "import sys; import numpy as np; from tifffile import imwrite\n"
        "stack = np.random.default_rng(0).integers(0, 255, (4, 40, 50), np.uint8)\n"
        "imwrite('stack.tif', stack)\n"
        "from napari_umis_fusion.cli import main\n"
        f"code = main(['fuse', 'stack.tif', '-o', 'fused.tif', '--focus-measure', '{measure}',"
        " '--device', 'cpu'])\n"
        "print(code, 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout.split()[-2:] == ["0", "False"], told
    assert Path(tmp_path / "fused.tif").is_file()
