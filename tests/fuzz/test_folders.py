"""Folders of any names and files: each file is read or left out with a reason, or all refused."""

import shutil
import warnings

import numpy as np
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fuzz.harmless import FUZZ, harmless
from napari_umis_fusion.files.read import survey_files

NUMBERS = st.integers(0, 12)
PARTS = st.sampled_from(["z", "t", "ch", "s", "img", "a", "", "pos", "µm", "-", "_thumb", "copy"])
NAMES = st.lists(st.tuples(PARTS, NUMBERS), min_size=1, max_size=3).map(
    lambda parts: "_".join(f"{word}{number}" for word, number in parts)
)
FILES = st.sampled_from(
    ["plane", "plane", "plane", "other size", "colour", "stack", "broken", "tiff"]
)


def write(folder, name, kind):
    shape = {"other size": (8, 5), "colour": (6, 5, 3)}.get(kind, (6, 5))
    path = folder / f"{name}.{'tif' if kind in ('stack', 'tiff') else 'png'}"
    if kind == "broken":
        path.write_bytes(b"no image")
    elif kind in ("stack", "tiff"):
        data = np.zeros((3, 6, 5) if kind == "stack" else (6, 5), "uint8")
        tifffile.imwrite(path, data, photometric="minisblack")
    else:
        Image.fromarray(np.zeros(shape, np.uint8)).save(path)


def test_no_file_is_lost(tmp_path):
    @FUZZ
    @given(st.dictionaries(NAMES, FILES, min_size=2, max_size=9))
    def check(files):
        folder = tmp_path / "a"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, kind in files.items():
            write(folder, name, kind)

        def read(path):
            survey = survey_files(path)
            taken, left_out = set(survey.grid.files.values()), set(survey.left_out)
            assert taken | left_out == set(path.iterdir())
            assert not taken & left_out
            assert all(survey.left_out.values())
            shown = survey.layers()
            if not survey.holds_stacks:
                planes = sum(data.size // (15 if one["rgb"] else 5) for data, one, _ in shown)
                assert planes >= len(taken)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            harmless(read, folder)

    check()
