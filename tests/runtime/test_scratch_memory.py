import errno
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.fusion import fuse
from napari_umis_fusion.runtime import ScratchMemory
from napari_umis_fusion.runtime import _scratch_memory as module
from napari_umis_fusion.runtime._scratch_memory import MEGABYTE


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Keep temporary files where they can be counted."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def files_in(folder: Path):
    return [path for path in folder.rglob("*") if path.is_file()]


CASES = [
    ((3, 5), np.float32, -1.5),
    ((1, 1), np.float64, 1e300),
    ((4, 3, 2), np.uint16, 65535),
    ((7,), np.bool_, False),
    ((2, 3), np.bool_, True),
    ((5, 5), np.float32, 0),
    ((5, 5), np.float32, np.nan),
    ((600, 500), np.float32, 0),
    ((600, 500), np.uint32, 7),
]


@pytest.mark.parametrize(("shape", "dtype", "value"), CASES)
def test_memory_and_file_are_alike(shape, dtype, value, folder):
    with ScratchMemory(2) as memory, ScratchMemory(0) as file:
        arrays = [space.full(shape, dtype, value) for space in (memory, file)]
        assert (memory.on_disk, file.on_disk) == (False, True)
        assert len(files_in(folder)) == 1
        for array in arrays:
            assert type(array) is np.ndarray
            assert array.dtype == dtype
            np.testing.assert_array_equal(array, np.full(shape, value, dtype))
            array[...] = 1
            np.testing.assert_array_equal(array, np.ones(shape, dtype))


def test_arrays_share_no_memory(folder):
    with ScratchMemory(0) as space:
        first, second = (space.full((10, 10), np.float32, value) for value in (1, 2))
        first[...] = 5
        assert (second == 2).all()


def test_budget_is_used_up_before_files_are(folder):
    half = (MEGABYTE // 2,)
    with ScratchMemory(2) as space:
        held = [space.full(half, np.uint8, 1) for _ in range(3)]
        assert not space.on_disk
        held.append(space.full((MEGABYTE,), np.uint8, 1))
        assert space.on_disk
        assert len(files_in(folder)) == 1
        held.append(space.full(half, np.uint8, 1))
        assert len(files_in(folder)) == 1, "what is left of the budget is still used"
        held.append(space.full((1,), np.uint8, 1))
        assert len(files_in(folder)) == 2


def test_room_of_arrays_that_are_gone_is_used_again(folder):
    with ScratchMemory(1) as space:
        for _ in range(3):
            array = space.full((MEGABYTE,), np.uint8, 1)
            view = array[5:]
            del array
            assert space.held_bytes == MEGABYTE, "a view holds on to it"
            del view
            assert space.held_bytes == 0
        assert not space.on_disk


@pytest.mark.parametrize("make", ["full", "lasting"])
def test_parts_share_one_budget(make, folder):
    def allocate(space, megabytes):
        more = {"full": (1,), "lasting": ()}[make]
        return getattr(space, make)((megabytes * MEGABYTE,), np.uint8, *more)

    whole = ScratchMemory(4)
    with whole.part(0.5) as outputs, whole.part() as maps:
        held = [allocate(outputs, 2)]
        assert not outputs.on_disk
        held.append(allocate(outputs, 1))
        assert outputs.on_disk, "a part may not take more than its share"
        held.append(allocate(maps, 2))
        assert not maps.on_disk
        assert (outputs.held_bytes, maps.held_bytes, whole.held_bytes) == (
            *(2 * MEGABYTE, 2 * MEGABYTE),
            4 * MEGABYTE,
        )
        held.append(allocate(maps, 1))
        assert maps.on_disk, "what others hold counts"
        del held[0]
        assert whole.held_bytes == 2 * MEGABYTE
        held.append(allocate(maps, 2))
        assert maps.held_bytes == 4 * MEGABYTE, "what the other part let go of is there"


@pytest.mark.parametrize("budget_mb", [0, 1])
def test_lasting_arrays_outlive_the_context(budget_mb, folder):
    with ScratchMemory(budget_mb) as space:
        array = space.lasting((1024, 1024), np.uint8)
        assert type(array) is np.ndarray
        assert isinstance(array.base, np.memmap) == space.on_disk == (budget_mb == 0)
        assert not array.any()
    array[3] = 7
    assert array.sum() == 7 * 1024
    assert list(folder.iterdir()) == []


def test_threads_do_not_overdraw(folder):
    with ScratchMemory(4) as space, ThreadPoolExecutor(8) as pool:
        shape = (MEGABYTE // 4,)
        arrays = list(pool.map(lambda _: space.full(shape, np.uint8, 1), range(64)))
        assert space.held_bytes == 4 * MEGABYTE
        assert len(files_in(folder)) == len(arrays) - 16


def test_files_vanish_with_the_context(folder):
    with ScratchMemory(0) as space:
        space.full((10, 10), np.float32, 3)
        space.full((10, 10), np.float32, 4)
        assert len(files_in(folder)) == 2
    assert not space.on_disk
    assert list(folder.iterdir()) == []


def test_files_vanish_after_an_error(folder):
    def fail():
        with ScratchMemory(0) as space:
            space.full((10, 10), np.float32, 3)
            assert files_in(folder)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(folder.iterdir()) == []


def test_what_was_not_needed_is_not_made(folder):
    with ScratchMemory(1) as space:
        space.full((10, 10), np.float32, 3)
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("blend", ["select", "weighted"])
def test_fusion_in_a_file_equals_that_in_memory(blend, folder):
    stack = np.random.default_rng(0).integers(0, 4000, (4, 40, 50, 2), np.uint16)
    memory, file = (fuse(stack, blend=blend, memory_mb=budget) for budget in (4096, 0))
    for name in ("all_in_focus", "index_map", "sub_plane_map", "confidence_map", "focus_map"):
        np.testing.assert_array_equal(getattr(memory, name), getattr(file, name))
    assert memory.notes == ()
    assert file.notes == ("maps kept in a temporary file: they are larger than memory_mb",)
    assert list(folder.iterdir()) == []


KINDS_OF_MAP = [
    lambda space: space.full((1000, 1000), np.float32, 0),
    lambda space: space.lasting((1000, 1000), np.float32),
]


@pytest.mark.parametrize("allocates", [True, False], ids=["allocated", "written"])
@pytest.mark.parametrize("make", KINDS_OF_MAP)
def test_files_occupy_their_blocks(make, allocates, folder, monkeypatch):
    if not allocates:
        monkeypatch.delattr(module.os, "posix_fallocate", raising=False)
        monkeypatch.setattr(module, "CHUNK", 300_001)
    sizes = []
    memmap = np.memmap

    def note(file, *arguments, **options):
        sizes.append(os.fstat(file.fileno()).st_blocks * 512)
        return memmap(file, *arguments, **options)

    monkeypatch.setattr(module.np, "memmap", note)
    with ScratchMemory(0) as space:
        array = make(space)
        assert not array.any()
        array[...] = 3
        assert array.min() == 3
    assert sizes[0] >= array.nbytes


@pytest.mark.parametrize("make", KINDS_OF_MAP)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_an_error(make, code, folder, monkeypatch):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, "_allocate", fail)
    with (
        ScratchMemory(0) as space,
        pytest.raises(DeviceError, match=r"disk is full: a map of 4 MB .* MB left; free .* TMPDIR"),
    ):
        make(space)
    assert files_in(folder) == []


def test_other_errors_of_the_disk_pass(monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(module, "_allocate", fail)
    with ScratchMemory(0) as space, pytest.raises(OSError, match="broken"):
        space.full((10, 10), np.float32, 0)


@pytest.fixture
def tiny_disk(tmp_path, monkeypatch):
    """A file system of 1 MB."""
    place = tmp_path / "tiny"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        done = False
    if not done:
        pytest.skip("this user may not mount a file system")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("make", KINDS_OF_MAP)
def test_a_disk_that_is_too_small(make, tiny_disk):
    with ScratchMemory(0) as space:
        small = space.full((100, 100), np.float32, 1)
        assert small.sum() == 10_000
        with pytest.raises(DeviceError, match="the disk is full"):
            make(space)
        del small


def test_what_is_left_of_the_budget():
    with ScratchMemory(8) as whole:
        part = whole.part(0.5)
        assert (whole.left_mb, part.left_mb) == (8, 4)
        array = part.full((MEGABYTE,), np.uint8, 1)
        assert (whole.left_mb, part.left_mb) == (7, 3)
        other = whole.full((6 * MEGABYTE,), np.uint8, 1)
        assert (whole.left_mb, part.left_mb) == (1, 1)
        del array, other
        assert (whole.left_mb, part.left_mb) == (8, 4)
