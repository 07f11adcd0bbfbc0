"""Memory that a training takes, told before it begins."""

import pytest
import torch

from napari_umis_fusion import network
from napari_umis_fusion.errors import DeviceError
from napari_umis_fusion.training import TrainingConfig
from napari_umis_fusion.training.loop import MemoryNeed, estimate_memory, used_memory_mb
from napari_umis_fusion.training.loop import _trainer as trainer
from napari_umis_fusion.training.loop._memory import free_memory_mb


@pytest.mark.parametrize(
    ("options", "measured_mb"),
    [
        ({"batch": 36, "patch_px": 128, "precision": "float32"}, 825),
        ({"batch": 24, "layers": "late", "precision": "float32"}, 731),
        ({"batch": 72, "layers": "late", "precision": "float32"}, 1401),
        (
            {"objective": "reconstruct", "batch": 2, "width_px": 300, "height_px": 300,
             "precision": "float32"},
            1139,
        ),
        (
            {"objective": "reconstruct", "batch": 2, "width_px": 300, "height_px": 300,
             "precision": "bfloat16"},
            711,
        ),
    ],
)  # fmt: skip
def test_estimates_are_near_what_was_measured(options, measured_mb):
    assert estimate_memory(TrainingConfig(device="cpu", **options)).needed_mb == pytest.approx(
        measured_mb, rel=0.2
    )


def test_images_take_memory_too():
    config = TrainingConfig(device="cpu")
    more = estimate_memory(config, 100_000_000).needed_mb - estimate_memory(config).needed_mb
    assert more == pytest.approx(400, abs=1)


@pytest.mark.parametrize(("free", "enough"), [(99, False), (100, True), (None, True)])
def test_enough(free, enough):
    assert MemoryNeed(100, free, "cpu").is_enough is enough


def test_on_cuda_the_card_is_asked(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2_500_000_000, 4_000_000_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _=None: 1_200_000_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 700_000_000)
    monkeypatch.setattr(network, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(trainer, "choose_precision", lambda wanted, device: "float32")
    need = estimate_memory(TrainingConfig(batch=36), images_px=10**9)
    assert (need.free_mb, need.device) == (3000, "cuda"), "what torch holds unused is free"
    assert need.needed_mb < 1000, "the images lie in the main memory"
    assert used_memory_mb("cuda") == 1200


def test_the_cpu_tells_of_the_machine_and_of_this_program():
    assert free_memory_mb(torch.device("cpu")) > 100
    assert 20 < used_memory_mb("cpu") < 100_000
    assert free_memory_mb(torch.device("meta")) is None


def test_an_absent_device_is_told(monkeypatch):
    monkeypatch.setattr("napari_umis_fusion.network._device.available_devices", lambda: ("cpu",))
    with pytest.raises(DeviceError, match="'cuda' is not available"):
        estimate_memory(TrainingConfig(device="cuda"))
