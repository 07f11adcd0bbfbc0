"""A user's first hour in a real window, driven by the script of the documentation."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "drive_hour.py"


@pytest.mark.slow
@pytest.mark.binding
def test_the_hour_ends_as_it_should(request):
    binding = request.config.getini("qt_api") or "pyqt6"
    command = [sys.executable, SCRIPT, "--measure", "laplacian", "--binding", binding]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 rounds ended as they should" in done.stdout
