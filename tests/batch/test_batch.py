"""Batches: results mirror the input, faults stay with their stack, and nothing is done twice."""

import csv
import errno
import os
import random

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import fuse
from napari_umis_fusion.batch import (
    BatchOptions,
    BatchStarted,
    Searching,
    StackBegun,
    StackEnded,
    StackWorking,
    _fuse_stack,
    _run,
    batch_command,
    iter_batch,
)
from napari_umis_fusion.errors import BusyError, ConfigError, StackFileError, UmisFusionError
from napari_umis_fusion.runtime import file_stamp, run_to_end
from zarr_file import written

CLASSIC = {"focus_measure": "laplacian", "threads": 1}
KINDS = (Searching, StackBegun, StackWorking, StackEnded)
RECORD, TABLE = "umis-fusion-batch.jsonl", "umis-fusion-batch.csv"


@pytest.fixture
def tree(tmp_path, put):
    """Three stacks in folders."""
    for name in ("a", "b/one", "b/two"):
        put(tmp_path / "in" / name, "z{z}.tif")
    return tmp_path


def run(tree, **options):
    return run_to_end(iter_batch(tree / "in", tree / "out", **CLASSIC, **options))


def statuses(summary):
    return [entry.status for entry in summary.entries]


def rows(tree):
    with (tree / "out" / TABLE).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_results_mirror_the_input_and_the_table_lists_them(tree, planes):
    wanted = BatchOptions(depth_map=True, depth_error_map=True, index_map=True, z_step_um=2.0)
    (tree / "in" / "stray.txt").write_text("x")
    summary = run(tree, options=wanted)
    assert statuses(summary) == ["done"] * 3
    expected = fuse(planes, **CLASSIC, depth_error=True)
    image = tifffile.imread(tree / "out" / "b" / "one.ome.tif")
    np.testing.assert_array_equal(image, expected.all_in_focus)
    depth = tifffile.imread(tree / "out" / "b" / "two_depth.ome.tif")
    np.testing.assert_allclose(depth, expected.depth_map(2.0))
    error = tifffile.imread(tree / "out" / "b" / "two_depth-error.ome.tif")
    np.testing.assert_allclose(error, expected.depth_error_map(2.0))
    assert (tree / "out" / "a_index.ome.tif").exists()
    told = rows(tree)
    assert [row["stack"] for row in told[:3]] == ["a", "b/one", "b/two"]
    assert (told[0]["planes"], told[0]["width_px"], told[0]["height_px"]) == ("4", "48", "40")
    assert float(told[0]["never_in_focus"]) == pytest.approx(
        expected.never_in_focus().mean(), abs=1e-4
    )
    assert told[3]["status"] == "left out"


def test_a_broken_stack_is_reported_and_the_next_one_follows(tree):
    steps = iter_batch(tree / "in", tree / "out", **CLASSIC)
    ended = []
    for event in steps:
        if isinstance(event, BatchStarted):
            (tree / "in" / "b" / "one" / "z2.tif").unlink()
        if isinstance(event, StackEnded):
            ended.append(event.entry)
    assert [one.status for one in ended] == ["done", "failed", "done"]
    assert "z2.tif" in ended[1].reason
    assert [row["status"] for row in rows(tree)] == ["done", "failed", "done"]


def test_resume_skips_retry_repeats_and_changed_files_are_fused_again(tree, planes, monkeypatch):
    broken = tree / "in" / "a" / "z1.tif"
    work = "napari_umis_fusion.batch._fuse_stack.iter_fuse"
    with monkeypatch.context() as patch:
        patch.setattr(work, lambda *_: (_ for _ in ()).throw(RuntimeError("no luck")))
        assert statuses(run(tree)) == ["failed"] * 3
    assert "unexpected RuntimeError: no luck" in rows(tree)[0]["reason"]
    assert statuses(run(tree, resume=True)) == ["failed"] * 3
    assert statuses(run(tree, retry=True)) == ["done"] * 3
    assert statuses(run(tree, resume=True)) == ["skipped"] * 3
    record = tree / "out" / RECORD
    older = record.read_text().replace('"depth_error_map": false, ', "", 1)
    assert older != record.read_text()
    record.write_text(older)
    assert statuses(run(tree, resume=True)) == ["skipped"] * 3
    tifffile.imwrite(broken, planes[1] // 2)
    (tree / "out" / "b" / "two.ome.tif").unlink()
    summary = run(tree, resume=True)
    assert statuses(summary) == ["done", "skipped", "done"]
    assert summary.entries[1].thumbnail


def test_images_of_ome_zarr_are_fused_again_where_their_values_change(tmp_path, planes):
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("yaozarrs")
    for name in ("a", "b"):
        written(tmp_path / "in" / f"{name}.zarr", planes, "zyx")
    assert statuses(run(tmp_path)) == ["done"] * 2
    expected = fuse(planes, **CLASSIC).all_in_focus
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "a.ome.tif"), expected)
    zarr.open_array(str(tmp_path / "in" / "b.zarr" / "0"))[1] = planes[1] // 2
    assert statuses(run(tmp_path, resume=True)) == ["skipped", "done"]


def test_another_batch_is_neither_mixed_nor_overwritten(tree):
    run(tree)
    with pytest.raises(ConfigError, match="holds a batch already"):
        run(tree)
    with pytest.raises(ConfigError, match="window_sigma_px"):
        run(tree, resume=True, window_sigma_px=3.0)
    run(tree, resume=True, memory_mb=500)  # changes no result
    assert statuses(run_to_end(iter_batch(tree, tree / "next", **CLASSIC))) == ["done"] * 3


def test_files_of_others_are_not_overwritten(tree):
    (tree / "out" / "b").mkdir(parents=True)
    (tree / "out" / "b" / "one.ome.tif").write_bytes(b"mine")
    assert statuses(run(tree)) == ["done", "failed", "done"]
    assert "is not overwritten" in rows(tree)[1]["reason"]
    (tree / "out" / "a.ome.tif").write_bytes(b"edited")
    assert statuses(run(tree, resume=True)) == ["failed", "failed", "skipped"]
    assert (tree / "out" / "a.ome.tif").read_bytes() == b"edited"
    assert (tree / "out" / "b" / "one.ome.tif").read_bytes() == b"mine"


def test_a_table_that_cannot_be_written_is_told_at_the_end(tree):
    run(tree)
    (tree / "out" / TABLE).unlink()
    (tree / "out" / TABLE).mkdir()
    with pytest.warns(UserWarning, match="Resume the batch to write its table"):
        run(tree, resume=True)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [("none", "no such file or folder"), ("", "got an empty name"), (None, "got NoneType where")],
)
def test_no_folder_is_made_for_results_of_nothing(tmp_path, monkeypatch, inputs, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UmisFusionError, match=text):
        next(iter_batch(inputs, "results"))
    assert not any(tmp_path.iterdir())


def test_results_within_the_input_are_not_fused(tree):
    run_to_end(iter_batch(tree / "in", tree / "in" / "results", **CLASSIC))
    again = run_to_end(iter_batch(tree / "in", tree / "in" / "results", resume=True, **CLASSIC))
    assert statuses(again) == ["skipped"] * 3
    with pytest.raises(ConfigError, match="is an input"):
        next(iter_batch([tree / "in"], tree / "in", **CLASSIC))


@pytest.mark.parametrize("seed", range(8))
def test_abandoned_anywhere_it_resumes_to_the_same_files(tree, seed):
    chance = random.Random(seed)
    for _ in range(6):
        steps = iter_batch(tree / "in", tree / "out", resume=True, **CLASSIC)
        for event in steps:
            if not isinstance(event, BatchStarted) and chance.random() < 0.15:
                break
        steps.close()
        record = tree / "out" / RECORD
        if record.exists() and chance.random() < 0.5:  # what a killed process leaves of a line
            with record.open("ab") as file:
                file.write(b'{"name": "a", "iden')
    assert set(statuses(run(tree, resume=True))) <= {"done", "skipped"}
    files = sorted(path.relative_to(tree / "out").as_posix() for path in (tree / "out").rglob("*"))
    assert [name for name in files if not name.startswith(".")] == [
        *("a.ome.tif", "b", "b/one.ome.tif", "b/two.ome.tif", TABLE, RECORD)
    ]


def test_killed_while_it_writes_it_may_replace_what_is_there(tree):
    steps = iter_batch(tree / "in", tree / "out", **CLASSIC)
    while not isinstance(next(steps), StackBegun):
        pass
    while not (tree / "out" / "a.ome.tif").exists():
        next(steps)
    lines = (tree / "out" / RECORD).read_text().splitlines()
    steps.close()
    (tree / "out" / RECORD).write_text("\n".join(lines[:2]) + "\n")  # begun, not ended
    assert statuses(run(tree, resume=True)) == ["done"] * 3


def test_a_full_disk_ends_it_and_it_is_resumed(tree, monkeypatch):
    """What was written of a line of the record does not spoil the next one."""

    def full(descriptor):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - 20)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    steps = iter_batch(tree / "in", tree / "out", **CLASSIC)
    next(event for event in steps if isinstance(event, StackEnded))
    with monkeypatch.context() as context:
        context.setattr(os, "fsync", full)
        with pytest.raises(StackFileError, match="the disk is full"):
            run_to_end(steps)
    assert statuses(run(tree, resume=True)) == ["skipped", "done", "done"]
    assert len((tree / "out" / RECORD).read_text().splitlines()) > 5


def test_a_stack_out_of_reach_stops_no_other(tree, monkeypatch):
    def stamp(path):
        if path.parent.name == "a":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return file_stamp(path)

    monkeypatch.setattr(_fuse_stack, "file_stamp", stamp)
    assert statuses(run(tree)) == ["failed", "done", "done"]


def test_a_folder_that_may_not_be_written_to_is_told(tree, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(_run, "locked", refuse)
    with pytest.raises(
        StackFileError, match=r"out: cannot be written to \(Permission denied\); ch"
    ):
        run(tree)


def test_two_at_once_are_refused_and_records_of_others_too(tree):
    steps = iter_batch(tree / "in", tree / "out", **CLASSIC)
    while not isinstance(next(steps), BatchStarted):
        pass
    with pytest.raises(BusyError, match="another process"):
        run(tree, resume=True)
    steps.close()
    (tree / "out" / RECORD).write_text("[]\n")
    with pytest.raises(StackFileError, match="is no record of a batch"):
        run(tree, resume=True)


def test_it_yields_at_each_header_stack_and_plane(tree):
    events = list(iter_batch(tree / "in", tree / "out", **CLASSIC))
    counts = {kind: sum(isinstance(one, kind) for one in events) for kind in KINDS}
    assert counts[Searching] >= 12
    assert counts[StackBegun] == counts[StackEnded] == 3
    assert counts[StackWorking] >= 12


def test_the_command_line_repeats_it():
    options = BatchOptions(group_by="count", planes=3, index_map=True)
    command = batch_command(["a b", "c"], "out", options=options, resume=True)
    wanted = "umis-fusion batch 'a b' c -o out --group-by=count --planes=3 --index-map --resume"
    assert command == wanted
