"""Ticks of the training chart."""

import numpy as np
import pytest

from napari_umis_fusion.plugin.training_axes import StepAxis, ValueAxis


def log_labels(qtbot, low, high, size=200):
    axis = ValueAxis("left")
    axis.set_log(True)
    ((spacing, ticks),) = axis.tickValues(np.log10(low), np.log10(high), size)
    return axis.tickStrings(ticks, 1.0, spacing)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.05, 2.5, ["0.1", "1", "0.05", "0.2", "0.5", "2"]),
        (0.31, 0.52, ["0.35", "0.4", "0.45", "0.5"]),
        (0.9, 1.05, ["0.9", "0.95", "1", "1.05"]),
        (1e-5, 1e-1, ["1e-05", "0.0001", "0.001", "0.01", "0.1"]),
        (1e-30, 1e30, ["1e-30", "1e-20", "1e-10", "1", "1e+10", "1e+20", "1e+30"]),
    ],
)
def test_logarithmic_ticks_are_round_and_have_room(qtbot, low, high, labels):
    found = log_labels(qtbot, low, high)
    assert sorted(found, key=float) == sorted(labels, key=float)


@pytest.mark.parametrize("size", [20, 60, 200, 900])
@pytest.mark.parametrize("span", [1e-9, 0.01, 0.3, 1, 3, 12, 200])
@pytest.mark.parametrize("low", [-150, -3.3, 0.0, 40])
def test_logarithmic_ticks_of_any_range(qtbot, low, span, size):
    axis = ValueAxis("left")
    axis.set_log(True)
    ticks = axis.tickValues(low, low + span, size)[0][1]
    assert len(ticks) <= max(2, size // 26) + 1
    assert all(low - 1e-9 <= tick <= low + span + 1e-9 for tick in ticks)
    if size >= 200 and span >= 0.3:
        assert len(ticks) >= 2


def test_steps_are_whole_and_grouped(qtbot):
    axis = StepAxis("bottom")
    assert axis.tickSpacing(0, 2, 400) == [(1.0, 0.0)] or all(
        spacing >= 1 for spacing, _ in axis.tickSpacing(0, 2, 400)
    )
    assert axis.tickStrings([0, 50_000, 1e6], 1.0, 50_000) == ["0", "50,000", "1,000,000"]


def test_values_are_plain_when_not_logarithmic(qtbot):
    axis = ValueAxis("left")
    assert axis.tickStrings([0.5, 1.0], 1.0, 0.5) == ["0.5", "1.0"]
