"""``umis-fusion zarr``: its options and what it prints; the fusion is tested in tests/scale."""

import json

import numpy as np
import pytest
import zarr

from napari_umis_fusion.cli import main


@pytest.fixture
def source(tmp_path):
    """Write an image with sizes in um."""
    path = tmp_path / "in.zarr"
    path.mkdir()
    data = np.random.default_rng(0).integers(0, 255, (3, 64, 70), np.uint8)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    steps = [{"type": "scale", "scale": [2.0, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    (path / "zarr.json").write_text(json.dumps(content))
    array = zarr.create_array(str(path / "0"), shape=data.shape, dtype="u1", chunks=(1, 64, 64))
    array[...] = data
    return path


def run(*arguments):
    return main(["zarr", *map(str, arguments), "--focus-measure", "laplacian"])


def test_json(source, tmp_path, capsys):
    zarr.open_array(str(source / "0"))[2] = 0
    assert run(source, tmp_path / "out", "--json", "--drop-z") == 0
    told = json.loads(capsys.readouterr().out)
    notes = {"image": ["plane 2 is blank: left out"]}
    assert told == {"output": str(tmp_path / "out"), "fused": ["image"], "failed": [],
                    "pending": [], "notes": notes}  # fmt: skip
    assert zarr.open_array(str(tmp_path / "out" / "0")).shape == (64, 70)


def test_info_describes_it_whatever_its_name(source, capsys):
    source = source.rename(source.with_name("in"))
    assert main(["info", str(source), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["axes"]) == ("image of OME-Zarr", "ZYX")
    assert (told["shape"], told["z_step_um"]) == ([3, 64, 70], 2.0)


def test_the_error_of_the_only_stack_is_told_once(source, tmp_path, capsys):
    array = zarr.create_array(
        str(source / "0"), shape=(3, 8, 9), dtype="f4", chunks=(1, 8, 9), overwrite=True
    )
    array[...] = np.nan
    assert run(source, tmp_path / "out") == 1
    err = capsys.readouterr().err
    assert err.count("NaN") == 1, err


@pytest.mark.parametrize(("name", "told"), [("absent", "no such folder"), ("", "is no OME-Zarr")])
def test_what_is_no_zarr_is_told(tmp_path, capsys, name, told):
    assert run(tmp_path / name, tmp_path / "out") == 1
    assert told in capsys.readouterr().err


def test_dry_run(source, tmp_path, capsys):
    assert run(source, tmp_path / "out", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stacks"], told["blocks"], told["done"]) == (1, 1, 0)
    assert told["block_mb"] > 0
    assert run(source, tmp_path / "out", "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "1 stack in 1 block; about " in printed
    assert "in one process on this machine" in printed
    assert not (tmp_path / "out").exists()


def test_a_preset_gives_options_that_others_override(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["zarr", str(source), str(out), "--preset", "nonsense", "--dry-run"]) == 2
    assert "there is no preset 'nonsense'" in capsys.readouterr().err
    assert run(source, out, "--preset", "thin transmitted") == 0
    assert run(source, out, "--preset", "brightfield", "--json") == 1
    assert "another window_sigma_px, align" in capsys.readouterr().err


def test_shares_and_refusals(source, tmp_path, capsys):
    assert run(source, tmp_path / "out", "--task", 0, "--of", 2) == 0
    assert "0 stacks fused, 1 left to others" in capsys.readouterr().out
    assert run(source, tmp_path / "out", "--task", 1, "--of", 2) == 0
    assert "1 stack fused:" in capsys.readouterr().out
    assert run(source, tmp_path / "out", "--task", 1) == 2
    assert "accepted are both" in capsys.readouterr().err
    assert run(source, tmp_path / "out", "--blend", "select") == 1
    assert "with another blend" in capsys.readouterr().err
    assert run(source, source / "out") == 1
