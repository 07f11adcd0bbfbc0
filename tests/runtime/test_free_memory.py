"""Free memory, also where a container has less than the machine."""

import platform
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from napari_umis_fusion.runtime import _free_memory as module
from napari_umis_fusion.runtime import free_memory_mb, give_back_memory

MB = 2**20


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Pretend to be on a machine with 8000 MB, in a group of processes."""
    monkeypatch.setattr(module, "GROUP", tmp_path)
    told = SimpleNamespace(available=8000 * MB)
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: told)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(str(text))

    return write


def test_this_machine():
    assert 0 < free_memory_mb() < 1e8


def test_no_group(machine):
    assert free_memory_mb() == 8000


@pytest.mark.parametrize(
    ("limit", "used", "cached", "expected"),
    [
        ("max", 500 * MB, 0, 8000),
        (2000 * MB, 500 * MB, 0, 1500),
        (2000 * MB, 1900 * MB, 700 * MB, 800),
        (2000 * MB, 2100 * MB, 0, 0),
        (90_000 * MB, 500 * MB, 0, 8000),
        ("nonsense", 1, 0, 8000),
    ],
)
def test_limit_of_a_container(limit, used, cached, expected, machine):
    statistics = f"anon 12\ninactive_file {cached}\n"
    machine(memory_dot_max=limit, memory_dot_current=used, memory_dot_stat=statistics)
    assert free_memory_mb() == expected


def test_older_groups(machine):
    machine(
        memory__memory_dot_limit_in_bytes=3000 * MB,
        memory__memory_dot_usage_in_bytes=1000 * MB,
    )
    assert free_memory_mb() == 2000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others keep nothing")
def test_what_was_freed_is_given_back():
    """Pieces that lie below one in use stay with the process otherwise."""
    pieces = [np.ones(80_000, np.uint8) for _ in range(800)]
    pieces = pieces[-1:]
    before = psutil.Process().memory_info().rss
    give_back_memory()
    assert psutil.Process().memory_info().rss < before - 40 * MB
    assert pieces[0].all()
