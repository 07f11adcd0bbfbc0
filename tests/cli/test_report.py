import io
import os
import subprocess
import sys

import pytest
from tqdm import tqdm

from napari_umis_fusion.cli import _report
from napari_umis_fusion.cli._report import print_line, print_written, progress_bar, show_done


def test_notes_come_first_and_all_begin_with_the_stack(capsys):
    print_written({"depth map": "d.tif"}, ["plane 3 is blank"], stack="well 1")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["well 1: note: plane 3 is blank", "well 1: depth map: d.tif"]


def test_one_stack_needs_no_name(capsys):
    print_written({"index map": "i.tif"}, [])
    assert capsys.readouterr().out == "index map: i.tif\n"


def test_names_that_the_output_has_no_letters_for_are_shown(monkeypatch):
    """As on Windows in a pipe, or of files whose name is no UTF-8."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252"))
    print_line("5 µm of 血 in \udcff.tif")
    assert written.getvalue().decode("cp1252").rstrip() == r"5 µm of \u8840 in \udcff.tif"


def test_a_bar_that_nobody_sees_counts_and_writes_lines_alone(capsys):
    bar = progress_bar("fusing", "plane", quiet=True)
    show_done(bar, 3, 5, "measuring")
    bar.write("memory: 5 MB", file=sys.stderr)
    assert (bar.disable, bar.n, bar.total) == (True, 3, 5)
    bar.reset(7)
    bar.set_postfix({"loss": 1.0}, refresh=False)
    assert (bar.n, bar.total) == (0, 7)
    assert capsys.readouterr().err == "memory: 5 MB\n"


def test_who_waits_for_the_compiler_is_told(monkeypatch):
    shown = io.StringIO()
    with tqdm(file=shown, miniters=0, mininterval=0, leave=False) as bar:
        for is_compiling in (True, False):
            monkeypatch.setattr(_report, "is_compiling", lambda now=is_compiling: now)
            show_done(bar, 1, 5, "measuring")
            bar.refresh()
            last = shown.getvalue().split("\r")[-1]
            assert last.startswith("measuring:")
            assert ("compiling for this computer, once" in last) == is_compiling


@pytest.mark.skipif(os.name != "posix", reason="Windows has no error of its own for closed pipes")
def test_a_reader_that_ends_is_no_error():
    command = [sys.executable, "-m", "napari_umis_fusion", "presets", "list"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdout.close()
    assert run.stderr.read() == b""
    assert run.wait() == 141
    run.stderr.close()
