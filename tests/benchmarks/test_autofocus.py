"""The comparison of measures and searches of autofocus: that it runs, and what counts as wrong."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def comparison(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import autofocus

    yield autofocus
    sys.modules.pop("autofocus")


def test_it_runs(comparison, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["autofocus.py", "--quick", "--measures", "brenner"])
    comparison.main()
    shown = capsys.readouterr().out
    assert "| `brenner` | 0.0 / " in shown
    assert "Nothing to see: accepted 0 of 8." in shown
    assert "| 128 x 128 | `discs` |" in shown


def test_wrong_and_precise_are_shares_of_the_depth_of_field(comparison):
    field = comparison.OPTICS.depth_of_field_um
    off = [None, 0.0, 0.09 * field, -0.2 * field, 0.51 * field, -3 * field]
    found = [comparison.Found(one, 0.1, 20) for one in off]
    assert [comparison.is_wrong(one) for one in found] == [False] * 4 + [True] * 2
    assert [comparison.is_precise(one) for one in found] == [False, True, True] + [False] * 3
    assert comparison.cell(found) == "33.3 / 16.7 / 33.3"
