"""Rows that sort, and are written as a table."""

import csv
import json

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.compare import COLUMNS, Candidate, ComparedRow, Comparison
from napari_umis_fusion.compare._agreement import Agreement, Decided, agreement_of
from napari_umis_fusion.errors import StackFileError


def comparison(**numbers):
    """Return a comparison with these numbers of each row, by column."""
    count = len(next(iter(numbers.values())))
    rows = [
        ComparedRow(Candidate(f"way {k}", FusionConfig()), **{n: v[k] for n, v in numbers.items()})
        for k in range(count)
    ]
    return Comparison(tuple(rows), (5, 20, 30))


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("descending", [None, True, False])
def test_rows_sort_by_each_number_and_what_is_not_known_comes_last(column, descending):
    values = [*np.random.default_rng(1).permutation(8).astype(float), None, None]
    rows = comparison(**{column: values}).sorted_by(column, descending=descending).rows
    shown = [getattr(row, column) for row in rows]
    falls = COLUMNS[column].better == "high" if descending is None else descending
    assert shown == [*sorted(values[:8], reverse=falls), None, None]
    assert [row.name for row in rows[8:]] == ["way 8", "way 9"], "in the order of the run"


def test_names_sort_from_a_to_z(found):
    assert [row.name for row in found.sorted_by("name").rows] == sorted(
        row.name for row in found.rows
    )


def test_the_table_holds_every_row(found, tmp_path):
    path = found.write_csv(tmp_path / "table.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [row.name for row in found.rows]
    assert [row["status"] for row in rows] == ["fused", "fused", "failed", "fused"]
    for told, row in zip(rows, found.rows, strict=True):
        for name, value in row.numbers().items():
            assert told[name] == ("" if value is None else f"{value:.6g}")
        assert told["reason"] == row.reason
        assert FusionConfig(**json.loads(told["options"])) == row.candidate.config
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]
    assert json.loads(json.dumps(found.as_dict()))["rows"][0]["name"] == "plain"


def test_a_table_overwrites_no_input_and_is_a_csv(found, tmp_path):
    path = tmp_path / "stack.csv"
    path.write_text("mine")
    with pytest.raises(StackFileError, match="is an input"):
        found.write_csv(path, protect=[path])
    with pytest.raises(StackFileError, match=r"ends in \.csv"):
        found.write_csv(tmp_path / "table.txt")
    with pytest.raises(StackFileError, match="does not exist; make it"):
        found.write_csv(tmp_path / "none" / "table.csv")
    assert path.read_text() == "mine"


def decided(index, window, in_focus=None):
    index = np.asarray(index, np.uint16)
    seen = np.ones(index.shape, bool) if in_focus is None else in_focus
    return Decided(window, index, index.astype(np.float32), seen)


@pytest.mark.parametrize("seed", range(8))
def test_agreement_is_what_numpy_says_on_the_shared_pixels(seed):
    random = np.random.default_rng(seed)
    top, left = random.integers(0, 12, 2)
    whole = random.integers(0, 9, (30, 40))
    part = random.integers(0, 9, (14, 20))
    seen = random.random((14, 20)) < 0.7
    one = decided(whole, (slice(0, 30), slice(0, 40)))
    other = decided(part, (slice(top, top + 14), slice(left, left + 20)), seen)
    off = np.abs(whole[top : top + 14, left : left + 20] - part)[seen]
    expected = Agreement((off <= 1).mean(), pytest.approx(off.mean()))
    assert agreement_of(one, other) == expected
    assert agreement_of(other, one) == expected


def test_nothing_in_common_is_no_agreement():
    one = decided(np.zeros((4, 4)), (slice(0, 4), slice(0, 4)))
    beside = decided(np.zeros((4, 4)), (slice(4, 8), slice(0, 4)))
    blind = decided(np.zeros((4, 4)), (slice(0, 4), slice(0, 4)), np.zeros((4, 4), bool))
    assert agreement_of(one, beside) is None
    assert agreement_of(one, blind) is None
