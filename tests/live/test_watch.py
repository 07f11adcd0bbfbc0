"""A watched folder: complete stacks are fused, once, and nothing is overwritten."""

import os
import time

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.live import StackFailed, StackFused, WatchWaiting, iter_watch
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.synthetic import make_stack

QUICK = FusionConfig(focus_measure="laplacian", verification="none", threads=2)
SOON = {"settle_s": 0.0, "poll_s": 0.01, "pause_s": 0.05}


@pytest.fixture(scope="module")
def planes():
    return make_stack("bumps", (48, 56), planes=4, channels=None).stack.astype(np.uint8)


def put(folder, planes, first=0, name="img_{}.tif"):
    folder.mkdir(parents=True, exist_ok=True)
    for number, plane in enumerate(planes, first):
        tifffile.imwrite(folder / name.format(number), plane)


def watched(folder, output, until_idle_s=0.2, **options):
    seen = []
    settings = {**SOON, **options}
    summary = run_to_end(
        iter_watch(folder, output, QUICK, until_idle_s=until_idle_s, **settings), seen.append
    )
    return summary, [one for one in seen if isinstance(one, StackFused | StackFailed)]


@pytest.mark.parametrize("how", ["planes", "marker", "pause"])
def test_each_folder_is_a_stack_in_natural_order(tmp_path, planes, how):
    put(tmp_path / "in", planes, first=8)  # img_8 to img_11
    put(tmp_path / "in" / "well_A", planes[::-1])
    if how == "marker":
        for folder in (tmp_path / "in", tmp_path / "in" / "well_A"):
            (folder / "all.done").touch()
    rule = {"planes": {"planes": 4}, "marker": {"marker": "*.done"}, "pause": {}}[how]
    summary, seen = watched(tmp_path / "in", tmp_path / "out", **rule)
    assert summary.fused == ("in", "well_A")
    assert summary.pending == ()
    for event, recorded in zip(seen, (planes, planes[::-1]), strict=True):
        image = tifffile.imread(event.outputs["all_in_focus"])
        np.testing.assert_array_equal(image, fuse(recorded, QUICK).all_in_focus)


def test_what_is_fused_is_not_fused_again_and_what_is_new_is(tmp_path, planes):
    folder, output = tmp_path / "in", tmp_path / "in" / "results"
    put(folder / "a", planes)
    assert watched(folder, output)[0].fused == ("a",)
    assert watched(folder, output)[0].fused == ()
    put(folder / "b", planes)
    put(folder / "a", planes[::-1])  # taken again, under the same names
    assert watched(folder, output)[0].fused == ("a", "b")
    assert sorted(path.name for path in output.glob("*.tif")) == [
        "a.ome.tif",
        "a_0002.ome.tif",
        "b.ome.tif",
    ]


def test_folder_with_one_stack_after_the_other(tmp_path, planes):
    put(tmp_path / "in", [*planes, *planes[::-1], planes[0]])
    summary, seen = watched(tmp_path / "in", tmp_path / "out", planes=4)
    assert summary.fused == ("in", "in")
    assert [event.planes for event in seen] == [4, 4]
    assert summary.pending[0].files == 1
    second = tifffile.imread(tmp_path / "out" / "in_0002.ome.tif")
    np.testing.assert_array_equal(second, fuse(planes[::-1], QUICK).all_in_focus)


def test_existing_results_stay(tmp_path, planes):
    put(tmp_path / "in", planes)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "in.ome.tif").write_bytes(b"mine")
    watched(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out" / "in.ome.tif").read_bytes() == b"mine"
    assert (tmp_path / "out" / "in_0002.ome.tif").exists()


@pytest.mark.parametrize("size", [0, 5, 100, 1500])
def test_partial_files_are_waited_for(tmp_path, planes, size):
    folder = tmp_path / "in"
    put(folder, planes)
    whole = (folder / "img_3.tif").read_bytes()
    (folder / "img_3.tif").write_bytes(whole[:size])
    steps = iter_watch(folder, tmp_path / "out", QUICK, planes=4, until_idle_s=0.3, **SOON)
    seen = [next(steps) for _ in range(8)]
    assert all(isinstance(event, WatchWaiting) for event in seen)
    assert "img_3.tif" in seen[-1].pending[0].problem
    (folder / "img_3.tif").write_bytes(whole)
    assert run_to_end(steps).fused == ("in",)


def test_file_that_grows_is_not_read(tmp_path, planes):
    folder = tmp_path / "in"
    put(folder, planes)
    steps = iter_watch(folder, tmp_path / "out", QUICK, planes=4, settle_s=0.2, poll_s=0.01)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        os.utime(folder / "img_0.tif")
        assert isinstance(next(steps), WatchWaiting)
    while not isinstance(event := next(steps), StackFused):
        pass
    steps.close()
    assert event.planes == 4


def test_files_of_several_planes_are_stacks_of_their_own(tmp_path, planes):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one", "two"):
        about = {"axes": "ZYX", "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}
        tifffile.imwrite(folder / f"{name}.ome.tif", planes, metadata=about)
    summary, seen = watched(folder, tmp_path / "out", depth_map=True)
    assert summary.fused == ("one", "two")
    assert seen[0].outputs["depth_map"].exists()


def test_stack_that_cannot_be_fused_does_not_end_the_watch(tmp_path, planes):
    put(tmp_path / "in" / "a", [planes[0], planes[1][:20]])
    put(tmp_path / "in" / "b", planes)
    put(tmp_path / "in" / "c", planes[:1])
    summary, seen = watched(tmp_path / "in", tmp_path / "out")
    assert summary.fused == ("b",)
    messages = {event.name: event.message for event in seen if isinstance(event, StackFailed)}
    assert "a is not fused" in messages["a"]
    assert "only one plane arrived (img_0.tif)" in messages["c_img_0"]
    put(tmp_path / "in" / "a", planes)
    assert watched(tmp_path / "in", tmp_path / "out")[0].fused == ("a",)


def test_marker_counts_for_one_stack(tmp_path, planes):
    folder = tmp_path / "in"
    put(folder, planes)
    (folder / "done.txt").touch()
    assert watched(folder, tmp_path / "out", marker="done.txt")[0].fused == ("in",)
    put(folder, planes, first=4)
    summary, _ = watched(folder, tmp_path / "out", marker="done.txt")
    assert summary.fused == ()
    os.utime(folder / "done.txt", (1e9, 1e9))
    assert watched(folder, tmp_path / "out", marker="done.txt")[0].fused == ("in",)


def test_can_be_closed_while_it_fuses(tmp_path, planes):
    put(tmp_path / "in", planes)
    steps = iter_watch(tmp_path / "in", tmp_path / "out", QUICK, **SOON)
    while isinstance(next(steps), WatchWaiting):
        pass
    steps.close()
    assert list((tmp_path / "out").iterdir()) == []
    assert watched(tmp_path / "in", tmp_path / "out")[0].fused == ("in",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"planes": 1}, "planes=1; accepted is 2 or more"),
        ({"planes": 3, "marker": "x"}, "leave one of them out"),
        ({"settle_s": -1}, "settle_s=-1"),
        ({"pause_s": float("nan")}, "pause_s=nan"),
        ({"until_idle_s": -1.0}, "until_idle_s=-1"),
    ],
)
def test_refuses_options(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        next(iter_watch(tmp_path, tmp_path / "out", **{**SOON, **options}))


def test_refuses_folders(tmp_path):
    with pytest.raises(ConfigError, match="is no folder"):
        next(iter_watch(tmp_path / "none", tmp_path / "out"))
    with pytest.raises(ConfigError, match="taken for planes"):
        next(iter_watch(tmp_path, tmp_path))


@pytest.mark.parametrize("text", ["{}", "[1]", "no json", '{"folder": "/x", "stacks": []}'])
def test_refuses_a_record_that_is_none_of_its_own(tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "out" / "umis-fusion-watch.json").write_text(text)
    with pytest.raises(StackFileError, match="Choose another folder for results"):
        next(iter_watch(tmp_path / "in", tmp_path / "out"))
