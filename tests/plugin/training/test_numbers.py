"""The status text of a training."""

import numpy as np

from napari_umis_fusion.plugin.training import _numbers
from napari_umis_fusion.plugin.training._numbers import TrainingNumbers
from napari_umis_fusion.training import Noted, Pictured, TrainingStarted


def test_memory_is_told_as_the_estimate_before_the_start_is(monkeypatch):
    used_mb = {"cpu": 2600}
    monkeypatch.setattr(_numbers, "used_memory_mb", used_mb.get)
    numbers = TrainingNumbers()
    used_mb["cpu"] = 3103
    assert "memory 503 MB for the training, 3,103 MB in all" in numbers.text()
    used_mb["cpu"] = 2500
    assert "memory 0 MB for the training, 2,500 MB in all" in numbers.text()


def test_how_long_it_takes_stays_when_what_troubled_the_region_is_over():
    numbers, fused = TrainingNumbers(), np.zeros((2, 2))
    numbers.update(Noted("500 steps take about 8 minutes"))
    numbers.update(TrainingStarted(0, 500, 6, 2, (), "cpu", "float32", 100, 2))
    numbers.update(Noted("the region was not fused"))
    assert "8 minutes" in numbers.text()
    assert "not fused" in numbers.text()
    numbers.update(Pictured(3, fused, fused, None))
    assert "8 minutes" in numbers.text()
    assert "not fused" not in numbers.text()
