"""`umis-fusion`: what it refuses, how it fails, and that it leaves nothing half-made."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_umis_fusion import write_image
from napari_umis_fusion.cli import _fuse_command as fuse_command
from napari_umis_fusion.cli import main
from napari_umis_fusion.files.read import ImageListStack


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def planes(here):
    """Make a folder of colour planes, and beside it one of 16-bit planes."""
    rng = np.random.default_rng(0)
    for folder, dtype in (("planes", np.uint8), ("deep", np.uint16)):
        (here / folder).mkdir()
        for z in range(4):
            plane = rng.integers(0, 255, (24, 32, 3), dtype)
            write_image(here / folder / f"z{z}.png", plane, rgb=True)
    return "planes"


def one_line(text, start="error"):
    """Return the text, which must be a single line: no traceback then."""
    assert text.startswith(f"umis-fusion: {start}: ")
    assert text.count("\n") == 1
    return text


def files_of(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["absent.tif", "-o", "o.png"], 1, "absent.tif: no such file or folder"),
        (
            ["planes", "-o", "o.gif"],
            1,
            "o.gif: cannot write this kind of file; accepted extensions",
        ),
        (["planes", "-o", "no/o.png"], 1, "does not exist; make it first"),
        (["deep", "-o", "o.jpg"], 1, "JPEG cannot hold uint16"),
        (["planes", "-o", "o.png", "--confidence-map", "c.png"], 1, "PNG cannot hold float32"),
        (["planes", "-o", "planes/z3.png"], 1, "is an input, which is never overwritten"),
        (
            ["planes", "-o", "o.png", "--source-map", "s.tif"],
            2,
            "accepted is --blend select",
        ),
        (["planes", "-o", "o.png", "--index-map", "./o.png"], 2, "two outputs have the path"),
        (["planes", "-o", "o.png", "--depth-map", "d.tif"], 2, "add --z-step-um"),
        (["planes", "-o", "o.png", "--depth-fill", "none"], 2, "without --depth-map; add that"),
        (["planes", "-o", "o.png", "--z-step-um", "0"], 2, "accepted is a positive number"),
        (["planes", "-o", "o.png", "--index", "T"], 2, "accepted is AXIS=N such as T=0"),
        (["planes", "-o", "o.png", "--index", "T=0", "--index", "T=1"], 2, "accepted is one entry"),
        (["planes", "-o", "o.png", "--index", "T=²"], 2, "accepted is AXIS=N such as T=0"),
        (["planes", "-o", "o.png", "--channel", "²"], 2, "accepted are auto, luminance"),
        (["planes", "-o", "o.png", "--index", "T=1"], 1, "the axes are Z (4)"),
        (["planes", "-o", "o.png", "--window-sigma-px", "99"], 2, "from 0.5 to 32 px"),
        (["planes", "-o", "o.png", "--channel", "blue"], 2, "accepted are auto, luminance"),
        (["planes", "-o", "o.png", "--channel", "3"], 1, "channel=3, but the stack has 3"),
        (
            ["planes", "-o", "o.png", "--focus-measure", "variance", "--checkpoint", "w.pth"],
            2,
            "only used by focus_measure=",
        ),
        (["planes", "-o", "o.png", "--reference", "--checkpoint", "absent.pth"], 1, "absent.pth"),
    ],
)
def test_errors_are_one_line(options, code, text, planes, here, capsys):
    before = files_of(here)
    assert main(["fuse", *options]) == code
    out, err = capsys.readouterr()
    assert text in one_line(err)
    assert out == ""
    assert files_of(here) == before


@pytest.mark.parametrize(
    "outputs",
    [
        ["-o", "o.gif"],
        ["-o", "planes/z1.png"],
        ["-o", "o.png", "--index-map", "planes/z2.png"],
        ["-o", "o.png", "--depth-map", "d.jpg", "--z-step-um", "1"],
    ],
    ids=" ".join,
)
def test_outputs_are_checked_before_any_plane_is_read(outputs, planes, monkeypatch, capsys):
    read = []
    monkeypatch.setattr(ImageListStack, "plane", lambda _, z: read.append(z))
    assert main(["fuse", planes, *outputs]) == 1
    assert one_line(capsys.readouterr().err)
    assert read == []


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_inputs_are_safe_behind_links(link, planes, here, capsys):
    target = here / "planes" / "z2.png"
    content = target.read_bytes()
    (Path("alias.png").symlink_to if link == "symbolic" else Path("alias.png").hardlink_to)(target)
    assert main(["fuse", planes, "-o", "alias.png"]) == 1
    assert "never overwritten" in one_line(capsys.readouterr().err)
    assert target.read_bytes() == content


def test_broken_plane_is_named_and_nothing_is_written(planes, here, capsys):
    whole = (here / "planes" / "z3.png").read_bytes()
    (here / "planes" / "z3.png").write_bytes(whole[: len(whole) // 2])
    before = files_of(here)
    assert main(["fuse", planes, "-o", "o.png"]) == 1
    assert "z3.png" in one_line(capsys.readouterr().err)
    assert files_of(here) == before


def test_debug_shows_where_it_came_from(planes):
    with pytest.raises(OSError, match="cannot write this kind"):
        main(["fuse", planes, "-o", "o.gif", "--debug"])
    ended = run_python("-m", "napari_umis_fusion", "info", "absent.tif", "--debug")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "no such file" in ended.stderr


def test_surprises_are_one_line_too(planes, monkeypatch, capsys):
    def burst(*_, **__):
        raise ZeroDivisionError("first\nsecond")

    monkeypatch.setattr(fuse_command, "write_output", burst)
    assert main(["fuse", planes, "-o", "o.png"]) == 1
    line = one_line(capsys.readouterr().err)
    assert "unexpected ZeroDivisionError: first second" in line


@pytest.mark.parametrize("where", ["iter_fuse", "write_output", "stack_from", "add_fuse_parser"])
def test_interrupted(where, planes, here, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    before = files_of(here)
    monkeypatch.setattr(fuse_command, where, interrupt)
    assert main(["fuse", planes, "-o", "o.png"]) == 130
    assert one_line(capsys.readouterr().err, "interrupted")
    assert files_of(here) == before


def run_python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


SLOW_READING = """
import time
from napari_umis_fusion.files.read import ImageListStack
read = ImageListStack.plane
def slow(self, z):
    print("now" if z > 1 else "wait", flush=True)
    time.sleep(0.3)
    return read(self, z)
ImageListStack.plane = slow
"""
SLOW_WRITING = """
import time, tifffile
def half(path, *_, **__):
    path.write_bytes(b"II*")
    print("now", flush=True)
    time.sleep(60)
tifffile.imwrite = half
"""
RUN = """
import signal, sys
from napari_umis_fusion.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # what started us may have muted it
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("slow", [SLOW_READING, SLOW_WRITING], ids=["reading", "writing"])
def test_interrupt_by_signal_leaves_nothing_half_written(slow, planes, here):
    Path("o.tif").write_text("older")
    before = files_of(here)
    command = [sys.executable, "-c", slow + RUN, "fuse", planes, "-o", "o.tif", "--memory-mb", "0"]
    scratch = here / "scratch"
    scratch.mkdir()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    ) as process:
        try:
            assert any(line == "now\n" for line in process.stdout)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert one_line(err, "interrupted")
    assert files_of(here) == before, "no hidden file, nothing in the temporary folder"
    assert Path("o.tif").read_text() == "older"


def test_info_of_what_is_no_stack(here, capsys):
    Path("x.tif").write_text("hello")
    Path("w.pth").write_text("hello")
    for name in ("x.tif", "w.pth", "absent.png"):
        assert main(["info", name]) == 1
        assert name in one_line(capsys.readouterr().err)


def test_names_that_begin_with_a_hyphen_or_a_tilde(planes, here, capsys):
    for first in "-~":
        names = [f"{first}{z}.png" for z in range(4)]
        for z, name in enumerate(names):
            (here / name).write_bytes((here / "planes" / f"z{z}.png").read_bytes())
        assert main(["fuse", *names, "-o", f"./{first}0.jpg", "--focus-measure", "laplacian"]) == 0
        assert (here / f"{first}0.jpg").is_file()


def test_names_that_are_too_long(planes, here, capsys):
    long = "x" * 300
    for options in ([f"{long}.tif", "-o", "o.png"], ["planes", "-o", f"{long}.png"]):
        assert main(["fuse", *options, "--focus-measure", "laplacian"]) == 1
        assert "name" in one_line(capsys.readouterr().err)
    name = "y" * 249 + ".png"  # the longest that there is
    assert main(["fuse", "planes", "-o", name, "--focus-measure", "laplacian"]) == 0
    assert (here / name).is_file()


@pytest.mark.parametrize("ending", ["tif", "ome.tif", "png", "jpg"])
def test_a_full_disk_is_called_so(planes, here, capsys, monkeypatch, ending):
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("napari_umis_fusion.files.write._image._write", Raising(full))
    assert main(["fuse", "planes", "-o", f"o.{ending}", "--focus-measure", "laplacian"]) == 1
    assert "cannot be written (the disk is full)" in one_line(capsys.readouterr().err)
    monkeypatch.setattr(
        "napari_umis_fusion.files.write._image._write",
        Raising(OSError("196608 requested and 4096 written")),
    )
    assert main(["fuse", "planes", "-o", f"o.{ending}", "--focus-measure", "laplacian"]) == 1
    assert "cannot be written (the disk is full)" in one_line(capsys.readouterr().err)
    assert not list(here.glob("*o.*"))


class Raising:
    """Called, it raises."""

    def __init__(self, error):
        self.error = error

    def __call__(self, *args, **options):
        raise self.error
