"""``umis-fusion watch``."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile

from napari_umis_fusion import fuse
from napari_umis_fusion.cli import main
from napari_umis_fusion.synthetic import make_stack

PLANES = make_stack("bumps", (48, 56), planes=4, channels=None).stack.astype(np.uint8)
CLASSIC = ("--focus-measure", "laplacian", "--threads", "1", "--settle", "0")


def put(folder):
    folder.mkdir()
    for z, plane in enumerate(PLANES):
        tifffile.imwrite(folder / f"z{z}.tif", plane)


def test_fuses_what_is_there_and_says_what_is_not(tmp_path, capsys):
    put(tmp_path / "in")
    (tmp_path / "in" / "next").mkdir()
    tifffile.imwrite(tmp_path / "in" / "next" / "z0.tif", PLANES[0])
    command = ["watch", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--planes", "4"]
    assert main([*command, "--until-idle", "0", "--json", *CLASSIC]) == 0
    told = capsys.readouterr()
    (line,) = told.out.splitlines()
    facts = json.loads(line)
    wanted = fuse(PLANES, focus_measure="laplacian", threads=1)
    image = tifffile.imread(facts["outputs"]["all_in_focus"])
    np.testing.assert_array_equal(image, wanted.all_in_focus)
    assert facts["notes"] == list(wanted.notes)
    assert "1 file, no complete stack yet" in told.err
    assert main([*command, "--until-idle", "0", *CLASSIC]) == 0
    assert capsys.readouterr().out == ""  # not again


def test_wrong_use_is_told(tmp_path, capsys):
    assert main(["watch", str(tmp_path), "-o", str(tmp_path)]) == 2
    assert "choose another folder" in capsys.readouterr().err
    assert main(["watch", str(tmp_path), "-o", "x", "--planes", "3", "--marker", "y"]) == 2


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for another process")
def test_interrupted_watch_ends_and_leaves_no_partial_file(tmp_path):
    put(tmp_path / "in")
    command = [sys.executable, "-m", "napari_umis_fusion", "watch", str(tmp_path / "in")]
    options = ["-o", str(tmp_path / "out"), "--pause", "0", *CLASSIC]
    run = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # what started us may have muted it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        until = time.monotonic() + 120
        while not (tmp_path / "out" / "umis-fusion-watch.json").exists():
            assert time.monotonic() < until
            assert run.poll() is None
            time.sleep(0.05)
        os.kill(run.pid, signal.SIGINT)
        _, said = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 130
    assert b"interrupted" in said
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["in.ome.tif", "umis-fusion-watch.json"]
