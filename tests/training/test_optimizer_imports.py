"""Triton is not imported in a process that has another LLVM, where it would end the process."""

import sys

import pytest

from napari_umis_fusion.training.loop import _optimizer_imports as optimizer_imports


@pytest.mark.parametrize(
    ("loaded", "wanted"),
    [
        ("7f3a r-xp /usr/lib/x86_64-linux-gnu/libLLVM-15.so.1", [("torch._dynamo", None)]),
        ("7f3a r-xp /venv/llvmlite/binding/libllvmlite.so", []),
    ],
)
def test_torch_finds_no_triton_beside_another_llvm(tmp_path, monkeypatch, loaded, wanted):
    maps = tmp_path / "maps"
    maps.write_text(loaded)
    monkeypatch.setattr(optimizer_imports, "_LOADED", maps)
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    seen = []
    monkeypatch.setattr(
        optimizer_imports.importlib,
        "import_module",
        lambda name: seen.append((name, sys.modules.get("triton", "absent"))),
    )
    optimizer_imports.import_for_optimizers()
    assert seen == wanted
    assert "triton" not in sys.modules, "others may import it"


def test_where_nothing_tells_what_is_loaded_nothing_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(optimizer_imports, "_LOADED", tmp_path / "absent")
    assert not optimizer_imports.has_foreign_llvm()
