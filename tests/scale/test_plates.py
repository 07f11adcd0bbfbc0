"""Plates: the same names out, what failed in a table, and a re-run for the rest."""

import csv

import numpy as np
import pytest
import yaozarrs
import zarr

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.scale import FieldFailed, fuse_zarr, iter_fuse_zarr

FAST = {"focus_measure": "laplacian"}


def table(output, name):
    with open(output / "umis-fusion" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_wells(version, tmp_path, a_stack, write_plate):
    wells = ("B/03", "C/01", "C/12")
    source = write_plate(tmp_path / "in", wells, version=version, height=64, width=70)
    output = tmp_path / "out"
    summary = fuse_zarr(source, output, wells="b03", **FAST)
    assert summary.fused == ("B/03/0", "B/03/1")
    assert not (output / "C").exists()
    summary = fuse_zarr(source, output, wells=["C*"], **FAST)
    assert summary.fused == ("C/01/0", "C/01/1", "C/12/0", "C/12/1")
    yaozarrs.validate_zarr_store(str(output))
    plate = yaozarrs.open_group(str(output)).ome_metadata().plate
    assert [(well.path, well.rowIndex, well.columnIndex) for well in plate.wells] == [
        ("B/03", 0, 1),
        ("C/01", 1, 0),
        ("C/12", 1, 2),
    ]
    assert plate.name == "screen"
    for number, well in enumerate(wells):
        for field in range(2):
            image = zarr.open_array(str(output / well / str(field) / "0"), mode="r")[0, 0]
            stack = a_stack(64, 70, seed=10 * number + field)[0]
            np.testing.assert_array_equal(image, fuse(stack, **FAST).all_in_focus)
    rows = table(output, "quality.csv")
    assert [(row["well"], row["field"]) for row in rows][:3] == [
        ("B03", "0"),
        ("B03", "1"),
        ("C01", "0"),
    ]
    assert all(0 <= float(row["never_in_focus"]) <= 1 for row in rows)
    assert all(0 < float(row["median_confidence"]) < 1 for row in rows)
    assert all(row["planes"] == "4" and float(row["seconds"]) > 0 for row in rows)
    assert table(output, "failures.csv") == []


def test_unknown_wells(tmp_path, write_plate):
    source = write_plate(tmp_path / "in", height=32, width=32)
    with pytest.raises(ConfigError, match=r"wells D04, X\* are not in .*accepted are B03, C01"):
        fuse_zarr(source, tmp_path / "out", wells="B03,D04,x*", **FAST)


def test_a_field_that_fails_does_not_end_the_run(tmp_path, a_stack, write_plate):
    source = write_plate(tmp_path / "in", height=64, width=70, dtype=np.float32)
    array = zarr.open_array(str(source / "B" / "03" / "1" / "0"))
    good = array[...]
    array[0, 2, 5, 5] = np.nan
    output = tmp_path / "out"
    events = list(iter_fuse_zarr(source, output, **FAST))
    failed = [event for event in events if isinstance(event, FieldFailed)]
    assert [event.name for event in failed] == ["B/03/1"]
    assert "NaN" in failed[0].message
    assert [row["field"] for row in table(output, "failures.csv")] == ["1"]
    assert len(table(output, "quality.csv")) == 3
    array[...] = good
    summary = fuse_zarr(source, output, **FAST)
    assert summary.failed == ()
    assert len(summary.fused) == 4
    assert table(output, "failures.csv") == []


def test_a_damaged_chunk(tmp_path, write_plate):
    source = write_plate(tmp_path / "in", height=64, width=70)
    chunk = next((source / "C" / "01" / "0" / "0" / "c").rglob("0"))
    while chunk.is_dir():
        chunk = next(chunk.iterdir())
    chunk.write_bytes(b"nothing")
    summary = fuse_zarr(source, tmp_path / "out", **FAST)
    assert summary.failed == ("C/01/0",)
    assert len(summary.fused) == 3


def test_a_damaged_field(tmp_path, write_plate):
    source = write_plate(tmp_path / "in", height=64, width=70)
    (source / "C" / "01" / "1" / "zarr.json").write_text("{")
    with pytest.raises(StackFileError, match=r"C/01/1 cannot be read.*naming the others"):
        fuse_zarr(source, tmp_path / "out", **FAST)
    assert len(fuse_zarr(source, tmp_path / "out", wells="B*", **FAST).fused) == 2
