"""Workers of dask take as many blocks at a time as their threads, or their card, have room for."""

import threading

import numpy as np
import pytest
import torch

from napari_umis_fusion import FusionConfig, network
from napari_umis_fusion.network import _device
from napari_umis_fusion.scale import _fuse_on_worker as module
from napari_umis_fusion.scale import fuse_zarr, plan_zarr
from napari_umis_fusion.scale._fuse_on_worker import MOST_SLOTS, BlockSlots, count_slots

GIGABYTE = 2**30


@pytest.fixture
def plan(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "in", a_stack(planes=3)[0], "zyx")

    def make(**options):
        return plan_zarr(source, tmp_path / "out", FusionConfig(**options))

    return make


@pytest.fixture
def machine(monkeypatch):
    """Pretend to have a card with so much free memory."""

    def pretend(free_gb, *, memory_gb=64, cores=16):
        monkeypatch.setattr(module, "may_have_accelerator", lambda: True)
        monkeypatch.setattr(module, "thread_count", lambda: cores)
        monkeypatch.setattr(module, "free_memory_mb", lambda: 1024 * memory_gb)
        monkeypatch.setattr(network, "choose_device", lambda _: torch.device("cuda"))
        found = int(free_gb * GIGABYTE), 80 * GIGABYTE
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: found)
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 0)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 0)

    return pretend


@pytest.mark.parametrize(
    ("free_gb", "memory_gb", "cores", "expected"),
    [
        (80, 64, 16, MOST_SLOTS),
        (4, 64, 16, 3),  # a strip of the network takes 1 GB
        (0.5, 64, 16, 1),
        (80, 64, 2, 2),
        (80, 0.03, 16, 1),
    ],
)
def test_what_limits_the_blocks_of_a_card(free_gb, memory_gb, cores, expected, machine, plan):
    machine(free_gb, memory_gb=memory_gb, cores=cores)
    assert count_slots(plan(), 0) == expected


def test_larger_blocks_take_more_of_the_card(machine, tmp_path, write_image):
    machine(12)
    source = write_image(tmp_path / "in", np.zeros((2, 2048, 2048), np.uint8), "zyx")
    assert count_slots(plan_zarr(source, tmp_path / "out"), 0) == 5


@pytest.mark.parametrize("options", [{"focus_measure": "laplacian"}, {"device": "cpu"}], ids=str)
def test_processors_are_limited_by_threads(options, machine, plan):
    machine(80)
    assert count_slots(plan(**options), 0) == 0


def test_a_machine_without_a_card(plan, monkeypatch):
    monkeypatch.setattr(module, "may_have_accelerator", lambda: True)
    monkeypatch.setattr(_device, "available_devices", lambda: ("cpu",))
    assert count_slots(plan(), 0) == 0


def test_slots_are_counted_while_none_is_taken():
    slots, counts = BlockSlots(), iter((2, 1))
    with slots.taken(lambda: next(counts)):
        assert slots.has_room
        with slots.taken(lambda: next(counts)):
            assert not slots.has_room
            third = slots.taken(int)
            waiting = threading.Thread(target=third.__enter__)
            waiting.start()
            waiting.join(0.05)
            assert waiting.is_alive()
        waiting.join()
        assert not slots.has_room
    assert next(counts) == 1


def test_a_worker_of_one_thread_fuses_side_by_side(tmp_path, a_stack, write_image, monkeypatch):
    """It begins as many blocks as there are slots, and never more."""
    from distributed import Client

    running, seen, lock = [0], [], threading.Lock()
    together = threading.Barrier(3, timeout=30)

    def iter_cell_part(plan, cell, block, threads):
        with lock:
            running[0] += 1
            seen.append(running[0])
        yield
        if cell.time < 3:
            together.wait()
        yield
        with lock:
            running[0] -= 1

    monkeypatch.setattr(module, "count_slots", lambda plan, field: 3)
    monkeypatch.setattr(module, "iter_cell_part", iter_cell_part)
    data = np.stack([a_stack(32, 32, planes=2)[0]] * 7)
    source = write_image(tmp_path / "in", data, "tzyx")
    with Client(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0"
    ) as client:
        fuse_zarr(source, tmp_path / "out", scheduler=client)
    assert len(seen) == 7
    assert max(seen) == 3
