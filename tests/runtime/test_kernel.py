"""Kernels compile quickly, and the user is told while they do."""

import ast
from pathlib import Path

import numba
import numpy as np

import napari_umis_fusion
from napari_umis_fusion.runtime import _compiling, is_compiling, kernel

SOURCES = Path(napari_umis_fusion.__file__).parent
MAKES_NONE = {"sqrt", "log", "rint", "ceil", "type", "float32", "float64", "int32", "int64"}


def kernels():
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            decorators = [ast.unparse(one) for one in getattr(node, "decorator_list", ())]
            if "kernel" in decorators:
                yield f"{path.relative_to(SOURCES)}: {node.name}", node


def is_filled_by_slice(node):
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    parts = [part for one in targets if one is not None for part in ast.walk(one)]
    is_assigned = isinstance(node, ast.Assign | ast.AugAssign)
    return is_assigned and any(isinstance(part, ast.Slice) for part in parts)


def is_function_of_arrays(node):
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", None)
    is_reduction = len(node.args) == 1 and getattr(node.func, "id", "") in ("min", "max", "sum")
    return is_reduction or (name is not None and name not in MAKES_NONE)


def test_kernels_leave_arrays_as_a_whole_to_numpy():
    """numba compiles its own functions for these, again and again, for seconds."""
    found = list(kernels())
    assert len(found) > 50
    faults = [
        f"{name}: {ast.unparse(part)}"
        for name, node in found
        for part in ast.walk(node)
        if is_filled_by_slice(part) or is_function_of_arrays(part)
    ]
    assert faults == []


def test_no_other_decorator_compiles():
    faults = [p for p in SOURCES.rglob("*.py") if "njit" in p.read_text("utf-8")]
    assert [path.name for path in faults] == ["_kernel.py"]


def test_compiling_is_told_and_ends(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    told = []
    listened = _compiling.note_compiling
    monkeypatch.setattr(_compiling, "_ended_s", -np.inf)
    assert not is_compiling()
    monkeypatch.setattr(
        "napari_umis_fusion.runtime._kernel.note_compiling",
        lambda change: (listened(change), told.append((change, is_compiling()))),
    )

    def add(values: np.ndarray, more: int) -> None:
        values[0] += more

    compiled = kernel(add)
    values = np.zeros(1, np.int64)
    compiled(values, 2)
    compiled(values, 3)
    assert values[0] == 5
    assert told == [(1, True), (-1, True)]
    monkeypatch.setattr(_compiling, "_ended_s", -np.inf)
    assert not is_compiling()
