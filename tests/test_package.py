"""What importing costs, what is public, and who may import whom."""

import ast
import importlib
import re
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


HEAVY = {"torch", "numba", "scipy", "skimage"}
ABSENT = {
    "import napari_umis_fusion": HEAVY,
    "from napari_umis_fusion import FusionConfig; FusionConfig()": HEAVY,
    "from napari_umis_fusion import TrainingConfig; TrainingConfig()": {"torch", "numba"},
    "import napari_umis_fusion.cli": {"torch", "matplotlib"},
    "from napari_umis_fusion import fuse, iter_fuse, focus_map, open_stack": {"torch"},
    "import napari_umis_fusion.models": {"torch"},
    "import napari_umis_fusion.training.session._session": {"torch"},
    "import napari_umis_fusion.training.data._check": {"torch"},
    FUSE: {"torch"},
}
"""What may not be loaded after each of these, run in this order: each time less."""


def test_imports_load_no_more_than_they_need():
    asked = [f"{code}\nprint(*sys.modules)" for code in ABSENT]
    told = python("-c", "\n".join(["import sys", *asked])).splitlines()
    for (code, absent), loaded in zip(ABSENT.items(), map(str.split, told), strict=True):
        assert "napari_umis_fusion" in loaded
        assert set(loaded) & (absent | WINDOWS) == set(), code


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


def test_version():
    shown = python("-m", "napari_umis_fusion", "--version").strip()
    assert shown
    assert shown != "unknown"
    assert shown[0].isdigit()


# --- the rooms

PACKAGE = ROOT / "src" / "napari_umis_fusion"
ROOMS = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))
READERS = [path for part in ("src", "benchmarks", "docs") for path in (ROOT / part).rglob("*.py")]
"""All that may import from a room; tests do, too, but are no reason for a name to be there."""


def name_of(path):
    """Return the dotted name of a folder or module; "" outside the package."""
    if not path.is_relative_to(PACKAGE):
        return ""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def imported(path):
    """List the dotted names that a module imports from the package."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = [alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names]
    froms = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module]
    names += [f"{n.module}.{alias.name}" for n in froms for alias in n.names]
    return [name for name in names if f"{name}.".startswith("napari_umis_fusion.")]


def is_private_elsewhere(name, room):
    """Tell whether a name lies below something private of a room that `room` is not within."""
    parts = name.split(".")
    private = (k for k, part in enumerate(parts) if part.startswith("_") and part[:2] != "__")
    first = next(private, None)
    home = "" if first is None else ".".join(parts[:first])
    return first is not None and not f"{room}.".startswith(f"{home}.")


@pytest.mark.parametrize(
    ("name", "room", "expected"),
    [
        ("napari_umis_fusion.stack._axes.find_z", "napari_umis_fusion.files.read", True),
        ("napari_umis_fusion.stack._axes", "", True),
        ("napari_umis_fusion.stack._axes.find_z", "napari_umis_fusion.stack", False),
        ("napari_umis_fusion.training._config", "napari_umis_fusion.training.loop", False),
        ("napari_umis_fusion.training.loop._state", "napari_umis_fusion.training", True),
        ("napari_umis_fusion.stack._axes", "napari_umis_fusion.stacks", True),
        ("napari_umis_fusion.stack.Stack", "", False),
        ("napari_umis_fusion.__main__", "", False),
    ],
)
def test_what_is_private_is_told(name, room, expected):
    assert is_private_elsewhere(name, room) == expected


def test_private_modules_are_imported_in_their_room_only():
    homes = [(path, name_of(path.parent)) for path in READERS]
    assert len(homes) > 300
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, room in homes
        for name in imported(path)
        if is_private_elsewhere(name, room)
    ]
    assert wrong == []


def test_modules_of_rooms_are_private():
    named = {PACKAGE / "plugin" / "commands.py"}  # by the manifest of napari
    # by that of Fractal, which runs these files by their paths
    named |= {PACKAGE / "scale" / f"{name}.py" for name in ("fuse_z", "init_fuse_z")}
    loose = {PACKAGE / f"{name}.py" for name in ("config", "errors")}
    public = {path for path in PACKAGE.rglob("*.py") if not path.stem.startswith("_")}
    assert public == named | loose
    top = {path.stem for path in PACKAGE.glob("*.py")} - {"_version"}
    assert top == {"__init__", "__main__", "config", "errors"}


def vocabulary(room):
    """Return what a stub imports: module, without leading dot, and name."""
    tree = ast.parse((room / "__init__.pyi").read_text("utf-8"))
    assert all(isinstance(node, ast.ImportFrom) and node.level == 1 for node in tree.body)
    return [(node.module, alias.name) for node in tree.body for alias in node.names]


def in_order(entry):
    """Sort as ruff does: by module, then constants, classes, functions."""
    module, name = entry
    return module, (not name.isupper(), not name[0].isupper()), name


WITH_WORDS = [room for room in ROOMS if room != PACKAGE / "plugin"]
"""The plugin itself has none: napari loads what the manifest names from the rooms within."""


@pytest.mark.parametrize("room", WITH_WORDS, ids=name_of)
def test_a_room_says_what_it_is_and_lists_its_words(room):
    tree = ast.parse((room / "__init__.py").read_text("utf-8"))
    assert len(ast.get_docstring(tree) or "") > 20
    words = vocabulary(room)
    assert words == sorted(words, key=in_order)
    module = importlib.import_module(name_of(room))
    assert sorted(module.__all__) == sorted(name for _, name in words)
    for _, name in words:
        assert getattr(module, name) is not None


@pytest.fixture(scope="module")
def asked_for():
    """Return each dotted name that somebody asks of a room, with the rooms of those who do."""
    askers = [(name, name_of(path.parent)) for path in READERS for name in imported(path)]
    for room in WITH_WORDS:
        own = name_of(room)
        askers += [(f"{own}.{module}.{name}", own) for module, name in vocabulary(room)]
    pages = "\n".join(path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md"))
    askers += [(name, "") for name in re.findall(r"^::: (\S+)$", pages, re.MULTILINE)]
    entries = (PACKAGE / "napari.yaml").read_text("utf-8") + (ROOT / "pyproject.toml").read_text()
    askers += [
        (".".join(found), "") for found in re.findall(r"(napari_umis_fusion\S*):(\w+)", entries)
    ]
    return askers


@pytest.mark.parametrize("room", WITH_WORDS, ids=name_of)
def test_each_word_of_a_room_is_needed_elsewhere(room, asked_for):
    own = name_of(room)
    needed = {name for name, asker in asked_for if not f"{asker}.".startswith(f"{own}.")}
    needed |= {f"{own}.UmisFusionError"} if room == PACKAGE else set()  # documented with errors
    # Not a room's.
    own_words = [name for module, name in vocabulary(room) if module.startswith("_")]
    assert [name for name in own_words if f"{own}.{name}" not in needed] == []


def parameters(function):
    """Return the parameters of a function with their defaults, as text."""
    given = function.args
    late = dict(zip(reversed(given.args), reversed(given.defaults), strict=False))
    late |= dict(zip(given.kwonlyargs, given.kw_defaults, strict=True))
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return {each.arg: ast.unparse(late[each]) if late.get(each) else "" for each in every}


def generators_of_functions():
    """List functions and the generators that say that they take the same parameters."""
    for path in SOURCES:
        body = ast.parse(path.read_text("utf-8")).body
        named = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        for name, node in named.items():
            told = f"akes the parameters of `{name.removeprefix('iter_')}`"
            if name.startswith("iter_") and told in (ast.get_docstring(node) or ""):
                yield named[name.removeprefix("iter_")], node


def test_a_generator_takes_what_its_function_takes():
    pairs = list(generators_of_functions())
    assert len(pairs) > 5
    for function, generator in pairs:
        own = parameters(generator)
        own.pop("workspace", None)  # of runs that consist of several fusions
        assert own == parameters(function), generator.name


def test_the_tests_mirror_the_rooms():
    files = (ROOT / "tests").rglob("test_*.py")
    folders = {str(path.parent.relative_to(ROOT / "tests")) for path in files}
    rooms = {str(room.relative_to(PACKAGE)) for room in ROOMS}
    assert len(folders) > 15
    assert folders - rooms == {"benchmarks", "fuzz"}
