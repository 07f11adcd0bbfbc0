"""Whatever a library raises while a file is read becomes an error of this package that names it."""

import builtins
import json
import lzma
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest
import safetensors

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.models.library import ModelLibrary
from napari_umis_fusion.network import load_checkpoint
from napari_umis_fusion.training import TrainingSession, load_config
from napari_umis_fusion.training.data import load_images
from napari_umis_fusion.training.loop import load_state

ENDINGS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""These end a program, and are no faults of a file."""


def made(kind):
    """Return an exception of a type, with a long text of several lines."""
    text = "first line\n" + "x" * 5000
    if issubclass(kind, UnicodeDecodeError):
        return kind("utf-8", b"\xff", 0, 1, text)
    if issubclass(kind, UnicodeEncodeError):
        return kind("utf-8", "\ud800", 0, 1, text)
    if issubclass(kind, UnicodeTranslateError):
        return kind("\ud800", 0, 1, text)
    if issubclass(kind, BaseExceptionGroup):
        return kind(text, [ValueError("inner")])
    return kind(text)


BUILT_IN = [
    kind
    for kind in vars(builtins).values()
    if isinstance(kind, type)
    and issubclass(kind, Exception)
    and not issubclass(kind, (Warning, StopIteration, StopAsyncIteration))
]
KINDS = sorted(
    {
        *BUILT_IN,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        struct.error,
        safetensors.SafetensorError,
        json.JSONDecodeError,
    },
    key=lambda kind: kind.__name__,
)

BOUNDARIES = {
    "config": ("napari_umis_fusion.runtime._foreign_files.json.loads", load_config, "c.json"),
    "session": (
        "napari_umis_fusion.runtime._foreign_files.json.loads",
        lambda path: TrainingSession(path.parent),
        "session.json",
    ),
    "state": ("torch.load", load_state, "training.state"),
    "images": ("numpy.load", load_images, "images.npz"),
    "published weights": ("torch.load", load_checkpoint, "w.pth"),
    "weights": (
        "napari_umis_fusion.network._weights_file.load_arrays",
        load_checkpoint,
        "w.safetensors",
    ),
    "alignment": ("csv.DictReader", Alignment.load, "t.csv"),
    "opened": ("napari_umis_fusion.runtime._foreign_files.os.open", load_config, "c.json"),
    "library": (
        "napari_umis_fusion.runtime._foreign_files.os.open",
        lambda path: ModelLibrary(path.parent).find_copy_of(path),
        "w.safetensors",
    ),
}


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_becomes_ours_in_one_short_line(boundary, kind, tmp_path, monkeypatch):
    patched, read, name = BOUNDARIES[boundary]
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.npy", "w") as file:
        np.save(file, np.zeros(2))

    def fail(*args, **options):
        raise error

    error = json.JSONDecodeError("x" * 999, "", 0) if kind is json.JSONDecodeError else made(kind)
    with monkeypatch.context() as patch:
        patch.setattr(patched, fail)
        with pytest.raises(UmisFusionError) as caught:
            read(path)
    text = str(caught.value)
    assert name in text or str(tmp_path) in text
    assert "\n" not in text
    assert len(text) < 800


@pytest.mark.parametrize("kind", ENDINGS)
def test_what_ends_the_program_ends_it(kind, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise kind

    (tmp_path / "c.json").touch()
    monkeypatch.setattr(json, "loads", fail)
    with pytest.raises(kind):
        load_config(tmp_path / "c.json")
