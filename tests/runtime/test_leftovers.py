"""What killed processes leave behind is removed by the next one; nothing else is."""

import os
import subprocess
import sys

import pytest

from napari_umis_fusion.runtime import ScratchMemory, _leftovers, atomic_write
from napari_umis_fusion.runtime._leftovers import sweep, temporary_name

KILLED = """
import os, sys
from pathlib import Path
from napari_umis_fusion.runtime import atomic_write
from napari_umis_fusion.runtime._leftovers import temporary_name
folder = Path(sys.argv[1])
(folder / temporary_name()).mkdir()
with atomic_write(folder / "result.tif") as beside:
    beside.write_bytes(b"half")
    os._exit(9)
"""


@pytest.fixture
def leftovers(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    found = list(tmp_path.iterdir())
    assert len(found) == 2
    return found


def test_the_next_write_removes_what_a_dead_process_left(tmp_path, leftovers):
    with atomic_write(tmp_path / "other.tif") as beside:
        beside.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["other.tif"]


def test_files_of_the_living_of_other_hosts_and_of_others_stay(tmp_path, monkeypatch):
    own = tmp_path / temporary_name("result.tif")
    own.touch()
    dead = temporary_name().replace(f"-{os.getpid()}-", "-4194399-")  # beyond Linux's largest
    with monkeypatch.context() as other:
        other.setattr(_leftovers.platform, "node", lambda: "another-host")
        (tmp_path / temporary_name()).touch()
        (tmp_path / temporary_name().replace(f"-{os.getpid()}-", "-4194399-")).touch()
    others = ["umis-fusion-notes.txt", ".umis-fusion-", "umis-fusion-1-2-3", f"{dead}.tif"[1:]]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / dead).mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    sweep(tmp_path)
    assert before - {path.name for path in tmp_path.iterdir()} == {dead}


def test_a_missing_folder_is_no_fault(tmp_path):
    sweep(tmp_path / "missing")


@pytest.mark.parametrize("name", ["x" * 240 + ".ome.tif", "µ" * 120 + ".png"])
def test_long_names_are_written(tmp_path, name):
    with atomic_write(tmp_path / name) as beside:
        assert beside.name.endswith(name[-4:])
        beside.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_temporary_folders_of_killed_runs_are_removed(tmp_path, monkeypatch):
    code = (
        "import os\nfrom napari_umis_fusion.runtime import ScratchMemory\n"
        "with ScratchMemory(0) as scratch:\n    scratch.full((9, 9), 'f4', 1)\n    os._exit(9)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    (left,) = tmp_path.iterdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ScratchMemory(0) as scratch:
        scratch.full((9, 9), "f4", 1)
        (own,) = tmp_path.iterdir()
        assert own != left
    assert list(tmp_path.iterdir()) == []
