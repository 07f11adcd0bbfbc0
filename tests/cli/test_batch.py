"""``umis-fusion batch``."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

from napari_umis_fusion.batch import BatchOptions, batch_command
from napari_umis_fusion.cli import main
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.synthetic import make_stack

PLANES = make_stack("bumps", (40, 48), planes=3, channels=None).stack.astype(np.uint8)
CLASSIC = ("--focus-measure", "laplacian", "--threads", "1")


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for z, plane in enumerate(PLANES):
            tifffile.imwrite(tmp_path / "in" / name / f"z{z}.tif", plane)
    (tmp_path / "in" / "notes.txt").write_text("x")
    return tmp_path


def test_it_shows_what_it_finds_fuses_it_and_resumes(folder, capsys):
    command = ["batch", str(folder / "in"), "-o", str(folder / "out"), *CLASSIC]
    assert main([*command, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "a: 3 files, z0.tif to z2.tif" in told
    assert "left out: " in told
    assert not (folder / "out").exists()
    assert main([*command, "--dry-run", "--json"]) == 0
    assert [one["stack"] for one in json.loads(capsys.readouterr().out)["stacks"]] == ["a", "b"]
    assert main([*command, "--json"]) == 0
    first, second, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["status"], second["shape"]) == ("done", [3, 40, 48])
    assert summary["done"] == 2
    assert main(command) == 2
    assert "--resume" in capsys.readouterr().err
    (folder / "in" / "b" / "z1.tif").write_bytes(b"II*\0")
    assert main([*command, "--resume"]) == 0
    assert "1 done, 1 skipped" in capsys.readouterr().out


def test_failed_stacks_are_an_error_at_the_end(folder, capsys):
    (folder / "out").mkdir()
    (folder / "out" / "a.ome.tif").write_bytes(b"mine")
    assert main(["batch", str(folder / "in"), "-o", str(folder / "out"), *CLASSIC]) == 1
    told = capsys.readouterr()
    assert "1 done, 1 failed" in told.out
    assert "a is not fused" in told.err
    assert "--retry" in told.err


def test_no_stack_at_all_is_an_error(folder, capsys):
    command = ["batch", str(folder / "in" / "notes.txt"), "-o", str(folder / "out")]
    assert main(command) == 1
    assert "no stack was found" in capsys.readouterr().err


def test_the_copied_command_is_understood(folder, capsys):
    options = BatchOptions(pattern="z*", index_map=True, z_step_um=0.5)
    config = FusionConfig(focus_measure="laplacian", median_filter=True, threads=1)
    command = batch_command([folder / "in"], folder / "out", config, options)
    assert main(shlex.split(command)[1:]) == 0
    assert (folder / "out" / "b_index.ome.tif").exists()


def test_the_first_interrupt_lets_the_current_stack_end(folder):
    command = [sys.executable, "-m", "napari_umis_fusion", "batch", str(folder / "in")]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = subprocess.Popen([*command, "-o", str(folder / "out"), *CLASSIC, "--json"], **pipe)
    try:
        until = time.monotonic() + 120
        record = folder / "out" / "umis-fusion-batch.jsonl"
        while not (record.exists() and "begun" in record.read_text()):
            assert time.monotonic() < until
            assert run.poll() is None
            time.sleep(0.01)
        os.kill(run.pid, signal.SIGINT)
        out, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    ended = [json.loads(line) for line in out.splitlines()]
    assert ended[0]["status"] == "done"
    assert run.returncode in (0, 130)  # 0 if the second was at work already
    lines = record.read_text().splitlines()
    assert '"done"' in lines[-1]
