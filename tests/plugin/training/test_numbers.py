"""The status text of a training."""

from napari_umis_fusion.plugin.training import _numbers
from napari_umis_fusion.plugin.training._numbers import TrainingNumbers


def test_memory_is_told_as_the_estimate_before_the_start_is(monkeypatch):
    used_mb = {"cpu": 2600}
    monkeypatch.setattr(_numbers, "used_memory_mb", used_mb.get)
    numbers = TrainingNumbers()
    used_mb["cpu"] = 3103
    assert "memory 503 MB for the training, 3,103 MB in all" in numbers.text()
    used_mb["cpu"] = 2500
    assert "memory 0 MB for the training, 2,500 MB in all" in numbers.text()
