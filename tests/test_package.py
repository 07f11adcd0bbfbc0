"""What importing costs, what is public, and who may import whom."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import napari_umis_fusion

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "napari_umis_fusion").rglob("*.py"))
WINDOWS = {"napari", "qtpy", "magicgui", "superqt", "PyQt5", "PyQt6", "PySide2", "PySide6"}

FUSE = """
import numpy as np
from napari_umis_fusion import fuse
stack = np.random.default_rng(0).integers(0, 255, (3, 20, 30, 3), np.uint8)
for verification in ("seams", "mode"):
    for blend in ("select", "weighted"):
        options = {"verification": verification, "blend": blend, "median_filter": True}
        fuse(stack, focus_measure="laplacian", **options)
"""


def python(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    ).stdout


def modules_after(code):
    return set(python("-c", f"{code}\nimport sys\nprint(*sys.modules)").split())


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import napari_umis_fusion", {"torch", "numba", "scipy", "skimage"}),
        (
            "from napari_umis_fusion import FusionConfig; FusionConfig()",
            {"torch", "numba", "scipy", "skimage"},
        ),
        ("import napari_umis_fusion.cli", {"torch", "matplotlib"}),
        ("from napari_umis_fusion import TrainingConfig; TrainingConfig()", {"torch", "numba"}),
        ("from napari_umis_fusion import fuse, iter_fuse, focus_map, open_stack", {"torch"}),
        (FUSE, {"torch"}),
        ("import napari_umis_fusion.models", {"torch"}),
        ("import napari_umis_fusion.training.session._session", {"torch"}),
        ("import napari_umis_fusion.training.data._check", {"torch"}),
    ],
    ids=[
        "package",
        "config",
        "command line",
        "training config",
        "public names",
        "classical fusion",
        "models",
        "training session",
        "check of data",
    ],
)
def test_imports_load_no_more_than_they_need(code, absent):
    loaded = modules_after(code)
    assert "napari_umis_fusion" in loaded
    assert loaded & (absent | WINDOWS) == set()


def test_public_names_resolve():
    names = napari_umis_fusion.__all__
    assert {"fuse", "iter_fuse", "FusionConfig", "FusionResult", "open_stack", "train"} <= set(
        names
    )
    for name in names:
        assert getattr(napari_umis_fusion, name).__name__ == name
    assert set(names) <= set(dir(napari_umis_fusion))


def test_no_runtime_error_among_our_own():
    errors = importlib.import_module("napari_umis_fusion.errors")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) > 4
    for kind in kinds:
        assert issubclass(kind, napari_umis_fusion.UmisFusionError)
        assert not issubclass(kind, RuntimeError), "Qt thread workers swallow those"


def imported_roots(path):
    tree = ast.parse(path.read_text("utf-8"))
    names = [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    names += [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    return {name.partition(".")[0] for name in names}


def test_no_qt_binding_is_imported():
    roots = {path.relative_to(ROOT).as_posix(): imported_roots(path) for path in SOURCES}
    assert any("qtpy" in names for names in roots.values()), "imports were found"
    assert [
        path
        for path, names in roots.items()
        if any(name.startswith(("PyQt", "PySide")) for name in names)
    ] == []


def test_layers():
    command = "from importlinter.cli import lint_imports_command as run; run(['--no-cache'])"
    report = python("-c", command, cwd=ROOT)
    assert "0 broken" in report
    assert " kept" in report


def test_version():
    shown = python("-m", "napari_umis_fusion", "--version").strip()
    assert shown
    assert shown != "unknown"
    assert shown[0].isdigit()
