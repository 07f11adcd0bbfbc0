"""OME-Zarr in and out: what is written is what `fuse` gives, whatever the blocks."""

import json
import shutil

import numpy as np
import pytest
import yaozarrs
import zarr

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.errors import AlignmentError, ConfigError, StackError, StackFileError
from napari_umis_fusion.files.ome_zarr import zarr_layers
from napari_umis_fusion.scale import ZarrProgress, fuse_zarr, iter_fuse_zarr

FAST = {"focus_measure": "laplacian"}


def read(output, path):
    return np.asarray(zarr.open_array(str(output / path), mode="r")[...])


def contents(output):
    """Return all files but those that tell of the run, which hold times."""
    files = [one for one in output.rglob("*") if one.is_file()]
    return {
        name: one.read_bytes()
        for one in files
        if not (name := one.relative_to(output).as_posix()).startswith("umis-fusion/")
    }


def assert_equal(output, expected, z_step_um=2.0):
    image = np.squeeze(read(output, "0"))
    image = np.moveaxis(image, 0, -1) if image.ndim == 3 else image
    np.testing.assert_array_equal(image, expected.all_in_focus)
    has_error = expected.config.depth_error
    error_um = expected.depth_error_map(z_step_um) if has_error else None
    for path, wanted in {
        "labels/index/0": expected.index_map,
        "labels/never_in_focus/0": expected.never_in_focus(),
        "maps/depth/0": expected.depth_map(z_step_um),
        "maps/confidence/0": expected.confidence_map,
        "maps/focus/0": expected.focus_map,
        "maps/depth_error/0": error_um,
    }.items():
        if wanted is None:
            assert not (output / path).exists()
            continue
        np.testing.assert_array_equal(np.squeeze(read(output, path)), wanted)


@pytest.mark.parametrize(
    ("options", "size", "shard_px"),
    [
        (FAST, (200, 150), 0),
        ({**FAST, "depth_error": True, "verification": "mode", "blend": "select"}, (200, 150), 160),
        ({**FAST, "align": "translation", "moving": "reject"}, (200, 150), 160),
        ({**FAST, "nowhere": "plane", "nowhere_plane": 1, "blend": "select"}, (70, 300), 160),
        ({"focus_measure": "tenengrad", "nowhere": "mean"}, (70, 300), 160),
        ({"focus_measure": "learned", "blend": "select", "depth_error": True}, (40, 480), 160),
    ],
    ids=str,
)
def test_equals_the_fusion_of_whole_planes(options, size, shard_px, tmp_path, a_stack, write_image):
    data = a_stack(*size, planes=5, channels=2)
    data[0, 1, 20, 30] = 255
    data[..., 50:, :90] = np.random.default_rng(0).integers(99, 101, data[..., 50:, :90].shape)
    write_image(tmp_path / "in.zarr", data)
    summary = fuse_zarr(tmp_path / "in.zarr", tmp_path / "out.zarr", shard_px=shard_px, **options)
    assert summary.fused == ("image",)
    assert (summary.failed, summary.pending) == ((), ())
    expected = fuse(np.moveaxis(data, 0, -1), align_border="mask", **options)
    assert_equal(tmp_path / "out.zarr", expected)
    if options["focus_measure"] == "learned" or options.get("nowhere") == "plane":
        assert (expected.source_map != expected.index_map).any()
        source = read(tmp_path / "out.zarr", "labels/source/0")
        np.testing.assert_array_equal(source[0], expected.source_map)
    blocks = list(tmp_path.rglob("block-*.json"))
    assert len(blocks) == (1 if shard_px == 0 else max(2, -(-size[1] // 160)))


@pytest.mark.parametrize(
    ("version", "dtype"),
    [("0.4", ">u2"), ("0.4", np.int64), ("0.5", np.float32), ("0.5", np.uint8)],
)
def test_kinds_of_input(version, dtype, tmp_path, a_stack, write_image):
    data = a_stack(64, 70)[0]
    source = write_image(tmp_path / "in", data.astype(dtype), "zyx", version=version)
    fuse_zarr(source, tmp_path / "out", **FAST)
    image = read(tmp_path / "out", "0")
    assert image.dtype == np.dtype(dtype).newbyteorder("=")
    assert_equal(tmp_path / "out", fuse(data.astype(dtype), **FAST))


def test_metadata(tmp_path, a_stack, write_image):
    data = np.stack([a_stack(80, 520, channels=3, seed=one) for one in range(2)])
    options = {**FAST, "channel": "mean"}  # `fuse` takes three channels for colours
    source = write_image(tmp_path / "in", data, "tczyx", origin=[0, 0, -40, 7, 0])
    fuse_zarr(source, tmp_path / "out", **options)
    yaozarrs.validate_zarr_store(str(tmp_path / "out"))
    group = yaozarrs.open_group(str(tmp_path / "out"))
    image = group.ome_metadata()
    multiscale = image.multiscales[0]
    assert [axis.name for axis in multiscale.axes] == list("tczyx")
    assert [axis.unit for axis in multiscale.axes][2:] == ["micrometer"] * 3
    scales = [one.coordinateTransformations[0].scale for one in multiscale.datasets]
    assert scales == [[1, 1, 1, 0.5, 0.5], [1, 1, 1, 1, 1], [1, 1, 1, 2, 2]]
    for one in (multiscale, group["maps/depth"].ome_metadata().multiscales[0]):
        *_, moved = one.datasets[0].coordinateTransformations
        assert moved.translation[-3:] == [-40, 7, 0]
    assert [one.label for one in image.omero.channels] == ["DAPI", "GFP", "Cy5"]
    assert [one.window.end for one in image.omero.channels] == [200, 200, 200]
    assert group["labels"].ome_metadata().labels == ["index", "never_in_focus"]
    made_by = json.loads((tmp_path / "out" / "zarr.json").read_text())["attributes"]
    assert made_by["napari-umis-fusion"]["config"]["focus_measure"] == "laplacian"
    for time in range(2):
        expected = fuse(np.moveaxis(data[time], 0, -1), **options)
        image = read(tmp_path / "out", "0")[time, :, 0]
        np.testing.assert_array_equal(np.moveaxis(image, 0, -1), expected.all_in_focus)
        index = read(tmp_path / "out", "labels/index/0")[time, 0]
        np.testing.assert_array_equal(index, expected.index_map)
        nearest = read(tmp_path / "out", "labels/index/1")[time, 0]
        np.testing.assert_array_equal(nearest, index[::2, ::2])
        half = read(tmp_path / "out", "1")[time, 0, 0].astype(float)
        squares = image[0].reshape(40, 2, 260, 2).mean(axis=(1, 3))
        assert np.abs(half - squares).max() <= 0.5
        told = json.loads(
            (tmp_path / f"out/umis-fusion/image/t000{time}/finished.json").read_text()
        )
        assert told["provenance"]["stack"]["shape"] == [4, 80, 520, 3]


def test_without_z_and_units(tmp_path, a_stack, write_image):
    data = a_stack(64, 70)[0]
    source = write_image(tmp_path / "in", data, "zyx", unit="parsec")
    fuse_zarr(source, tmp_path / "out", keep_z=False, depth_error=True, **FAST)
    yaozarrs.validate_zarr_store(str(tmp_path / "out"))
    expected = fuse(data, depth_error=True, **FAST)
    np.testing.assert_array_equal(read(tmp_path / "out", "0"), expected.all_in_focus)
    error = read(tmp_path / "out", "maps/sub_plane_error/0")
    np.testing.assert_array_equal(error, expected.sub_plane_error_map)
    sub_plane = read(tmp_path / "out", "maps/sub_plane/0")
    np.testing.assert_array_equal(sub_plane, expected.sub_plane_map)
    assert not (tmp_path / "out" / "maps" / "depth").exists()


def test_planes_too_large_for_the_memory(tmp_path, a_stack, write_image, monkeypatch):
    """Nothing is read whole, not even to find the threshold of focus."""
    from napari_umis_fusion.scale import _finish_cell as module

    read_part, sizes, samples = module.FieldArrays.read, [], []

    def watched(*arguments, **options):
        found = read_part(*arguments, **options)
        sizes.append(found.size)
        return found

    def find_threshold(focus):
        samples.append(focus)
        return 0.0

    monkeypatch.setattr(module.FieldArrays, "read", watched)
    monkeypatch.setattr(module, "find_focus_threshold", find_threshold)
    monkeypatch.setattr(module, "SAMPLE_PX", 10_000)
    source = write_image(tmp_path / "in", a_stack(200, 300)[0], "zyx")
    options = {**FAST, "memory_mb": 20, "shard_px": 96}
    fuse_zarr(source, tmp_path / "out", **options)
    assert max(sizes) <= 4 * 96**2, "of four shards comes one of the next level"
    np.testing.assert_array_equal(samples[0], read(tmp_path / "out", "maps/focus/0")[0, ::3, ::3])
    assert samples[0].base is None
    notes = json.loads((tmp_path / "out/umis-fusion/image/t0000/finished.json").read_text())
    assert any("judged by the" in note for note in notes["notes"])
    found = read(tmp_path / "out", "0")[0]
    assert np.mean(found != fuse(a_stack(200, 300)[0], **FAST).all_in_focus) < 0.01
    with pytest.raises(StackError, match="accepted is up to 10 MB"):
        fuse_zarr(source, tmp_path / "other", **options, align="translation")


# --- resume


def test_a_run_that_is_abandoned_continues(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "in", a_stack(200, 170)[0], "zyx")
    options = {**FAST, "shard_px": 96}
    fuse_zarr(source, tmp_path / "whole", **options)
    rng = np.random.default_rng(0)
    for _ in range(3):
        steps = iter_fuse_zarr(source, tmp_path / "out", **options)
        for _, _ in zip(range(rng.integers(1, 40)), steps, strict=False):
            pass
        steps.close()
    fuse_zarr(source, tmp_path / "out", **options)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_what_is_done_is_not_done_again(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "in", a_stack(64, 70)[0], "zyx")
    fuse_zarr(source, tmp_path / "out", **FAST)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("c/**/0")}
    events = list(iter_fuse_zarr(source, tmp_path / "out", **FAST, threads=1))
    assert events[0].done == events[0].blocks == 1
    assert not any(isinstance(event, ZarrProgress) for event in events)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_last_look_survives_an_interruption(tmp_path, a_stack, write_image, monkeypatch):
    """What it changes is kept before it is written, so it never looks at half of it."""
    from napari_umis_fusion.scale import _finish_cell as module

    source = write_image(tmp_path / "in", a_stack(200, 170)[0], "zyx")
    options = {**FAST, "shard_px": 96, "depth_error": True}

    def settle(stack, config, survey, whole):
        """Change pixels as mending does, by what is there now."""
        rows = slice(90, 120)
        whole.image[rows] += 1
        whole.index_map[rows] += 1
        whole.sub_plane_map[rows] = whole.index_map[rows]
        whole.confidence_map[rows] = 0
        return ("mended",)
        yield

    monkeypatch.setattr(module, "iter_settle_field", settle)
    fuse_zarr(source, tmp_path / "whole", **options)
    plain = fuse(a_stack(200, 170)[0], **FAST)
    image = read(tmp_path / "whole", "0")[0]
    np.testing.assert_array_equal(image[90:120], plain.all_in_focus[90:120] + 1)
    np.testing.assert_array_equal(image[120:], plain.all_in_focus[120:])
    depth = read(tmp_path / "whole", "maps/depth/0")[0]
    np.testing.assert_array_equal(depth[90:120], 2.0 * (plain.index_map[90:120] + 1))
    error = read(tmp_path / "whole", "maps/depth_error/0")[0]
    np.testing.assert_array_equal(np.isnan(error).any(axis=1).nonzero()[0], np.arange(90, 120))

    write = module.FieldArrays.write
    count = iter(range(100))

    def fail(self, part, values, rows, columns, level=0):
        if values.shape[1] == 170 and level == 0 and next(count) == 2:
            raise OSError("no more")
        write(self, part, values, rows, columns, level)

    monkeypatch.setattr(module.FieldArrays, "write", fail)
    with pytest.raises(OSError, match="no more"):
        fuse_zarr(source, tmp_path / "out", **options)
    monkeypatch.setattr(module.FieldArrays, "write", write)
    fuse_zarr(source, tmp_path / "out", **options)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


# --- refusals


def test_other_options(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "in", a_stack(64, 70)[0], "zyx")
    fuse_zarr(source, tmp_path / "out", **FAST)
    with pytest.raises(StackFileError, match="another window_sigma_px, blend; accepted are"):
        fuse_zarr(source, tmp_path / "out", **FAST, blend="select", window_sigma_px=2.0)
    with pytest.raises(StackFileError, match="another keep_z"):
        fuse_zarr(source, tmp_path / "out", **FAST, keep_z=False)


def test_another_input_under_the_same_name(tmp_path, a_stack, write_image):
    fuse_zarr(write_image(tmp_path / "in", a_stack(64, 70)[0], "zyx"), tmp_path / "out", **FAST)
    (tmp_path / "in").rename(tmp_path / "old")
    source = write_image(tmp_path / "in", a_stack(64, 70, seed=1)[0], "zyx")
    with pytest.raises(StackFileError, match="was another one when it was"):
        fuse_zarr(source, tmp_path / "out", **FAST)


def test_outputs_that_are_refused(tmp_path, a_stack, write_image):
    source = write_image(tmp_path / "in", a_stack(64, 70)[0], "zyx")
    for output, message in ((source, "lies in the input"), (source / "a", "lies in the input")):
        with pytest.raises(StackFileError, match=message):
            fuse_zarr(source, output, **FAST)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    for output in (tmp_path / "full" / "thesis.txt", tmp_path / "full" / "thesis.txt" / "a"):
        with pytest.raises(StackFileError, match="accepted is a folder for results"):
            fuse_zarr(source, output, **FAST)
    with pytest.raises(StackFileError, match="holds no run of this command"):
        fuse_zarr(source, tmp_path / "full", **FAST)
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"
    with pytest.raises(ConfigError, match="accepted is a folder"):
        fuse_zarr(source, "s3://bucket/out", **FAST)


def test_inputs_that_are_refused(tmp_path, a_stack, write_image):
    (tmp_path / "empty").mkdir()
    for name, told in (("empty", "is no OME-Zarr"), ("missing", "no such folder")):
        with pytest.raises(StackFileError, match=told):
            fuse_zarr(tmp_path / name, tmp_path / "out", **FAST)
    flat = write_image(tmp_path / "flat", a_stack(64, 70)[:, 0], "cyx")
    with pytest.raises(StackFileError, match="got axes c, y, x; accepted are z, y, x"):
        fuse_zarr(flat, tmp_path / "out", **FAST)
    odd = write_image(tmp_path / "odd", a_stack(64, 70)[0], "zyx")
    shutil.rmtree(odd / "0")
    zarr.create_array(str(odd / "0"), data=a_stack(64, 70)[:1])
    with pytest.raises(StackFileError, match="with 3 axes, z, y, x, but its array has 4: 1 x"):
        fuse_zarr(odd, tmp_path / "out", **FAST)
    with pytest.raises(StackFileError, match="with 3 axes, z, y, x, but its array has 4: 1 x"):
        zarr_layers(odd)
    source = write_image(tmp_path / "in", a_stack(64, 70)[0], "zyx")
    with pytest.raises(ConfigError, match="is no plate"):
        fuse_zarr(source, tmp_path / "out", wells="B03", **FAST)
    for task, of in ((0, None), (None, 2), (2, 2), (-1, 2)):
        with pytest.raises(ConfigError, match="accepted are both"):
            fuse_zarr(source, tmp_path / "out", task=task, of=of, **FAST)
    assert not (tmp_path / "out").exists()


def test_a_stack_that_cannot_be_fused_says_why(tmp_path, a_stack, write_image):
    data = a_stack(64, 70, dtype=np.float32)[0]
    data[1, 3, 4] = np.nan
    source = write_image(tmp_path / "in", data, "zyx")
    with pytest.raises(StackError, match="NaN"):
        fuse_zarr(source, tmp_path / "out", **FAST)
    assert "NaN" in (tmp_path / "out/umis-fusion/failures.csv").read_text()
    config = FusionConfig(**FAST)
    with pytest.raises((StackError, AlignmentError)):
        fuse_zarr(source, tmp_path / "out", config)
