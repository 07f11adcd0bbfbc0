"""Numpy's types are imported without the text of their documentation."""

import subprocess
import sys


def test_types_are_what_they_are_and_their_text_is_not_made():
    code = (
        "import sys; from napari_umis_fusion.runtime import start_light_numpy;"
        "start_light_numpy(); start_light_numpy(); import numpy as np;"
        "from numpy.typing import ArrayLike, NDArray;"
        "print('numpy._typing._add_docstring' in sys.modules, NDArray[np.float32]);"
        "from numpy._typing import _add_docstring; print(bool(_add_docstring._docstrings))"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.split("\n")[0].startswith("False numpy.ndarray[")
    assert "float32" in told
    assert told.split("\n")[1] == "True"


def test_where_they_are_loaded_nothing_happens():
    code = (
        "import sys, numpy.typing; before = sys.modules['numpy._typing._add_docstring'];"
        "from napari_umis_fusion.runtime import start_light_numpy; start_light_numpy();"
        "print(sys.modules['numpy._typing._add_docstring'] is before)"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.strip() == "True"
