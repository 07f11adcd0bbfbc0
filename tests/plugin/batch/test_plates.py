"""Plates and images of OME-Zarr in the batch: a row for each stack, beside those of files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from qtpy.QtCore import Qt

from napari_umis_fusion.batch import BatchOptions, BatchStarted, StackBegun, StackEnded
from napari_umis_fusion.cli import main
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.plugin.batch import BatchWidget
from napari_umis_fusion.plugin.batch._plates import Inputs, iter_find, iter_fuse_all
from napari_umis_fusion.runtime import run_to_end

FAST = FusionConfig(focus_measure="laplacian", threads=1)
PLANES = np.random.default_rng(0).integers(0, 255, (3, 24, 30), np.uint8)


def group(path, ome):
    path.mkdir(parents=True, exist_ok=True)
    content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    (path / "zarr.json").write_text(json.dumps(content))


def image(path):
    axes = [{"name": one, "type": "space", "unit": "micrometer"} for one in "zyx"]
    steps = [{"type": "scale", "scale": [2.0, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    group(path, {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]})
    zarr.create_array(str(path / "0"), data=PLANES, chunks=(1, 24, 30))
    return path


@pytest.fixture
def plate(tmp_path):
    path = tmp_path / "screen.zarr"
    wells = [{"path": f"{row}/1", "rowIndex": k, "columnIndex": 0} for k, row in enumerate("AB")]
    told = {"columns": [{"name": "1"}], "rows": [{"name": "A"}, {"name": "B"}], "wells": wells}
    group(path, {"version": "0.5", "plate": {"name": "screen", **told}})
    for row in "AB":
        group(path / row, {})
        well = {"images": [{"path": "0"}]}
        group(path / row / "1", {"version": "0.5", "well": well})
        image(path / row / "1" / "0")
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "cells.tif", PLANES, photometric="minisblack")
    return tmp_path / "in"


def events(inputs, output, **options):
    """Run to the end; returns all events, and the summary."""
    found = []
    steps = iter_fuse_all(inputs, str(output), FAST, BatchOptions(), **options)
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            return found, end.value


def test_rows_beside_those_of_files(plate, folder, tmp_path):
    inputs = Inputs.of([str(plate), str(folder)])
    assert (inputs.files, inputs.zarrs) == ((str(folder),), {str(plate): "screen.zarr"})
    names = ["cells", "screen/A/1/0", "screen/B/1/0"]
    shown = run_to_end(iter_find(inputs, BatchOptions(), None))
    assert [one.name for one in shown.stacks] == names
    broken = next((plate / "B" / "1" / "0" / "0" / "c").rglob("0"))
    chunk = next(path for path in [broken, *broken.rglob("*")] if path.is_file())
    whole = chunk.read_bytes()
    chunk.write_bytes(b"broken")
    found, summary = events(inputs, tmp_path / "out")
    (started,) = [one for one in found if isinstance(one, BatchStarted)]
    assert [one.name for one in started.entries] == names
    assert [one.status for one in summary.entries] == ["done", "done", "failed"]
    assert [one.number for one in found if isinstance(one, StackEnded)] == [0, 1, 2]
    assert [one.number for one in found if isinstance(one, StackBegun)][:2] == [0, 1]
    done, failed = summary.entries[1:]
    assert done.outputs["all_in_focus"] == tmp_path / "out" / "screen.zarr" / "A" / "1" / "0"
    assert done.thumbnail
    assert failed.reason
    chunk.write_bytes(whole)
    found, summary = events(inputs, tmp_path / "out", resume=True)
    assert [one.status for one in summary.entries] == ["skipped", "skipped", "done"]


def test_what_is_there_of_other_options_is_told(plate, tmp_path):
    inputs = Inputs.of([str(plate)], "A*")
    events(inputs, tmp_path / "out")
    steps = iter_fuse_all(
        inputs, str(tmp_path / "out"), FAST.replace(blend="select"), BatchOptions()
    )
    (entry,) = run_to_end(steps).entries
    assert (entry.name, entry.status) == ("screen/A/1/0", "failed")
    assert "with another blend" in entry.reason


def test_an_input_that_cannot_be_opened_is_left_out(plate, folder, tmp_path):
    image(tmp_path / "bad.zarr")
    shutil.rmtree(tmp_path / "bad.zarr" / "0")
    inputs = Inputs.of([str(tmp_path / "bad.zarr"), str(plate), str(folder)], "A1")
    found, summary = events(inputs, tmp_path / "out")
    (started,) = [one for one in found if isinstance(one, BatchStarted)]
    assert [one.path.name for one in started.grouping.left_out] == ["bad.zarr"]
    assert [one.status for one in summary.entries] == ["done", "done"]
    _, summary = events(Inputs.of([str(plate)], "Z9"), tmp_path / "none")
    assert summary.entries == ()


def test_results_have_names_of_their_own(tmp_path):
    paths = [str(image(tmp_path / name / "a.ome.zarr")) for name in "xyz"]
    names = Inputs.of(paths, "B03").zarrs
    assert [*names.values()] == ["a.ome.zarr", "a_2.ome.zarr", "a_3.ome.zarr"]
    assert Inputs.of(paths, "B03").wells_of(paths[0]) == "", "an image has none"


def test_in_the_dock(qtbot, plate, tmp_path):
    from napari.components import ViewerModel

    widget = BatchWidget(ViewerModel())
    qtbot.addWidget(widget)
    assert not widget.place.is_row_shown("wells")
    widget.inputs.setValue([str(plate)])
    assert widget.place.is_row_shown("wells")
    widget.place["wells"].value = "B1"
    widget.output.setValue(tmp_path / "out")
    widget.fusion.setValue(FAST)
    widget.controls.buttons["start"].click()
    qtbot.waitUntil(lambda: widget.job is None, timeout=60_000)
    cells = [widget.rows.data(widget.rows.index(0, k), Qt.DisplayRole) for k in range(3)]
    assert cells == ["screen/B/1/0", "3 × 24 × 30", "done"]
    assert widget.rows.data(widget.rows.index(0, 0), Qt.DecorationRole).width() == 30
    widget.table.doubleClicked.emit(widget.rows.index(0, 0))
    qtbot.waitUntil(lambda: len(widget._viewer.layers) > 2, timeout=20_000)
    stack, fused, *_ = widget._viewer.layers
    assert (stack.data.shape, fused.data.shape) == ((3, 24, 30), (1, 24, 30))
    command = widget.command().replace("umis-fusion zarr ", "").split()
    assert main(["zarr", *command]) == 0, "it resumes what the dock did"
    widget.close_down()
    assert Path(command[1]) == tmp_path / "out" / "screen.zarr"
