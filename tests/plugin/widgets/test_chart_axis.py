"""Ticks of charts."""

from itertools import product

import numpy as np
import pytest

from napari_umis_fusion.plugin.widgets._chart_axis import ChartAxis

pytestmark = pytest.mark.binding


def log_levels(low, high, size):
    """Return ticks by level, between two decimal logarithms."""
    axis = ChartAxis("left")
    axis.setLogMode(x=False, y=True)
    return axis, axis.tickValues(low, high, size)


def log_labels(low, high, size=200):
    axis, levels = log_levels(np.log10(low), np.log10(high), size)
    return [axis.tickStrings(ticks, 1.0, spacing) for spacing, ticks in levels]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.05, 2.5, [["0.1", "1"], ["0.05", "0.2", "0.5", "2"]]),
        (0.31, 0.52, [["0.35", "0.4", "0.45", "0.5"]]),
        (0.41, 0.49, [["0.42", "0.44", "0.46", "0.48"]]),
        (0.9, 1.05, [["0.9", "0.95", "1", "1.05"]]),
    ],
)
def test_logarithmic_ticks_are_round(qtbot, low, high, labels):
    found = [sorted(level, key=float) for level in log_labels(low, high)]
    assert found == labels


def test_logarithmic_ticks_of_any_range(qtbot):
    lows, spans, sizes = (-150, -3.3, 0.0, 40), (1e-9, 0.01, 0.3, 1, 3, 12, 200), (20, 60, 200, 900)
    for case in product(lows, spans, sizes):
        low, span, size = case
        levels = log_levels(low, low + span, size)[1]
        ticks = [tick for _, level in levels for tick in level]
        assert all(low - 1e-9 <= tick <= low + span + 1e-9 for tick in ticks), case
        assert len(levels[0][1]) <= max(12, size / 40), case
        if size >= 200 and span >= 0.3:
            assert len(ticks) >= 2, case


def test_there_is_no_tick_without_a_range(qtbot):
    assert log_levels(0.5, 0.5, 200)[1] == [(None, [])]


def test_steps_are_whole_and_grouped(qtbot):
    axis = ChartAxis("bottom")
    axis.is_whole = True
    assert axis.tickSpacing(0, 2, 400) == [(1.0, 0.0)]
    assert axis.tickStrings([0, 50_000, 1e6], 1.0, 50_000) == ["0", "50,000", "1,000,000"]


def test_values_are_plain_when_not_logarithmic(qtbot):
    axis = ChartAxis("left")
    assert axis.tickStrings([0.5, 1.0], 1.0, 0.5) == ["0.5", "1.0"]
