"""A real viewer needs a display: where there is none, one is started here."""

import os
import shutil
import subprocess
import sys

import pytest

SCREEN = "1280x800x24"


def pytest_configure(config):
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return
    config.stash[_display] = _start_display()


def pytest_unconfigure(config):
    process = config.stash.get(_display, None)
    if process is not None:
        process.terminate()
        process.wait(10)
        del os.environ["DISPLAY"]


_display = pytest.StashKey[subprocess.Popen]()


def _start_display():
    """Start Xvfb on a display number that it finds free itself."""
    if shutil.which("Xvfb") is None:
        pytest.exit("a real napari viewer needs a display: install Xvfb (Debian: xvfb)", 1)
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        os.environ["DISPLAY"] = f":{answer.readline().strip()}"
    return process
