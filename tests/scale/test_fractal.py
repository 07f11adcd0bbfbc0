"""The Fractal task, run as its server does: the first part, then the second for each image."""

import json
import subprocess
import sys
from dataclasses import fields
from importlib.resources import files
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import yaozarrs
import zarr

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.scale import fuse_z as task
from napari_umis_fusion.scale import init_fuse_z as first_part

PACKAGE = files("napari_umis_fusion")
FAST = {"focus_measure": "laplacian"}


def run(urls, *, suffix="fused", **options):
    """Run both parts, as the server does; returns the changes of its list of images."""
    listed = first_part.init_fuse_z(zarr_urls=[*map(str, urls)], zarr_dir="/unused", suffix=suffix)
    todo = json.loads(json.dumps(listed))["parallelization_list"]
    found = [task.fuse_z(**one, **FAST, **options) for one in todo]
    return [update for one in found for update in one["image_list_updates"]]


def test_a_plate(tmp_path, write_plate):
    plate = write_plate(tmp_path / "p.zarr", ("B/03", "C/01"), fields=2, planes=3)
    output = tmp_path / "p_fused.zarr"
    updates = run([plate / "B/03/1"], other_options={"detail_sigma_px": "2.0"})
    assert updates == [
        {
            "zarr_url": str(output / "B/03/1"),
            "origin": str(plate / "B/03/1"),
            "attributes": {"plate": "p_fused.zarr"},
            "types": {"is_3D": False},
        }
    ]
    data = zarr.open_array(str(plate / "B/03/1/0"))[0]
    expected = fuse(data, detail_sigma_px=2.0, **FAST).all_in_focus
    fused = zarr.open_array(str(output / "B/03/1/0"))
    assert fused.shape == (1, 1, *data.shape[1:])
    np.testing.assert_array_equal(fused[0, 0], expected)
    # Other images of the same plate come later, and what is there stays.
    run([plate / "C/01/0", plate / "B/03/0"], other_options={"detail_sigma_px": "2.0"})
    yaozarrs.validate_zarr_store(str(output))
    told = yaozarrs.open_group(str(output)).ome_metadata().plate
    assert [well.path for well in told.wells] == ["B/03", "C/01"]
    well = yaozarrs.open_group(str(output / "B/03")).ome_metadata().well
    assert {image.path for image in well.images} == {"0", "1"}
    with pytest.raises(StackFileError, match="with another detail_sigma_px"):
        run([plate / "C/01/0"])


def test_an_image_alone(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "cells.ome.zarr", a_stack(64, 70, planes=3)[0], "zyx")
    (update,) = run([f"{source}/"], preset="brightfield", suffix="edf")
    assert "attributes" not in update
    assert update["zarr_url"] == str(tmp_path / "cells_edf.ome.zarr")
    yaozarrs.validate_zarr_store(update["zarr_url"])
    with pytest.raises(ConfigError, match="suffix='a/b'; accepted is a part of a file name"):
        run([source], suffix="a/b")


def test_defaults_are_those_of_the_config():
    known = {spec.name: spec for spec in fields(FusionConfig)}
    taken = {name: one for name, one in signature(task.fuse_z).parameters.items() if name in known}
    assert len(taken) == 3
    for name, one in taken.items():
        assert (one.default, one.annotation) == (known[name].default, known[name].type)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2500", 2500), ("0.5", 0.5), ("true", True), ("null", None), ("mode", "mode")],
)
def test_options_are_texts(text, value):
    assert task._value(text) == value


def test_the_manifest_is_up_to_date():
    tools = pytest.importorskip("fractal_task_tools._create_manifest")
    made = tools.create_manifest(
        raw_package_name="napari_umis_fusion", task_list_path="scale._fractal_tasks"
    )
    written = json.loads((PACKAGE / tools.MANIFEST_FILENAME).read_text("utf-8"))
    assert written == json.loads(json.dumps(made)), "see scale/_fractal_tasks.py"


def test_the_files_that_fractal_runs(tmp_path, write_plate):
    pytest.importorskip("fractal_task_tools")
    plate = write_plate(tmp_path / "p.zarr", ("B/03",), fields=1, planes=3)
    manifest = json.loads((PACKAGE / "__FRACTAL_MANIFEST__.json").read_text("utf-8"))
    (about,) = manifest["task_list"]
    arguments = {"zarr_urls": [str(plate / "B/03/0")], "zarr_dir": str(tmp_path)}
    (tmp_path / "in.json").write_text(json.dumps(arguments))
    script = str(PACKAGE / about["executable_non_parallel"])
    files_ = ["--args-json", str(tmp_path / "in.json"), "--out-json", str(tmp_path / "out.json")]
    subprocess.run([sys.executable, script, *files_], check=True, capture_output=True, timeout=120)
    (listed,) = json.loads((tmp_path / "out.json").read_text())["parallelization_list"]
    assert Path(listed["zarr_url"]) == tmp_path / "p_fused.zarr/B/03/0"
    assert Path(str(PACKAGE / about["executable_parallel"])).is_file()
