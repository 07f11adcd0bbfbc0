"""Writers that are killed, and two at once: under its name a file is whole, or absent.

Small and seeded in the tests; `UMIS_FUSION_KILLS=2000` looks longer.
"""

import functools
import itertools
import os
import random
import signal
import time

import numpy as np
import pytest

from napari_umis_fusion import TrainingConfig, read_layers
from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files import write_image, write_image_layer, write_series
from napari_umis_fusion.network import PlaneRanker, load_checkpoint, save_checkpoint
from napari_umis_fusion.runtime import _leftovers
from napari_umis_fusion.training import LossCurve, load_config, save_config
from napari_umis_fusion.training.data import ImageSet, load_images

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")

KILLS = int(os.environ.get("UMIS_FUSION_KILLS", 3))
SIDE_PX = 400
"""Large enough that a write can be interrupted halfway."""


def image(value, dtype="uint8"):
    return np.full((SIDE_PX, SIDE_PX), value, dtype)


def one_value(path):
    """Read all pixels of a file: of one value, or refused if it was replaced meanwhile."""
    try:
        layers = read_layers(path)
    except StackFileError as error:
        if "replaced or changed" not in str(error):
            raise
    else:
        values = {value for data, _, _ in layers for value in np.unique(np.asarray(data))}
        assert len(values) == 1


def write_layer(path, k):
    write_image_layer(path, np.stack([image(k)] * 3), {"axis_labels": ("z", "y", "x")})


def write_two(path, k):
    write_series(path, [(image(k), {"name": name}, "image") for name in "ab"])


def write_table(path, k):
    table = np.tile(np.float32([[1, 0, k], [0, 1, k]]), (400, 1, 1))
    Alignment.given(table, (40, 50)).save(path)


def read_table(path):
    assert len(np.unique(Alignment.load(path).transforms[:, 0, 2])) == 1


def write_images(path, k):
    ImageSet([image(k, np.float32)], ["a"], ["a"]).save(path)


def write_curve(path, k):
    curve = LossCurve.of({"loss": (np.arange(1, 300), np.full(299, float(k)))})
    curve.save_csv(path)


def read_curve(path):
    lines = path.read_text().splitlines()
    assert len(lines) == 300
    assert len({line.count(",") for line in lines}) == 1


@functools.cache
def network():
    return PlaneRanker()


WRITERS = {
    "i.ome.tif": (lambda path, k: write_image(path, image(k)), one_value),
    "i.imagej.tif": (lambda path, k: write_image(path, image(k)), one_value),
    "i.tif": (lambda path, k: write_image(path, image(k, "float32")), one_value),
    "i.png": (lambda path, k: write_image(path, image(k)), one_value),
    "i.jpg": (lambda path, k: write_image(path, image(k)), one_value),
    "layer.ome.tif": (write_layer, one_value),
    "layer.imagej.tif": (write_layer, one_value),
    "series.ome.tif": (write_two, one_value),
    "table.csv": (write_table, read_table),
    "config.json": (lambda path, k: save_config(path, TrainingConfig(seed=k)), load_config),
    "w.safetensors": (lambda path, k: save_checkpoint(path, network()), load_checkpoint),
    "images.npz": (write_images, load_images),
    "curve.csv": (write_curve, read_curve),
}


def forked(work):
    """Run work in a forked process, and return its number."""
    number = os.fork()
    if not number:  # the child must never come back to the tests
        try:
            work()
        finally:
            os._exit(1)
    return number


def end(number):
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


def write_forever(write, path):
    for k in itertools.count():
        write(path, k % 200)
        time.sleep(0.005)  # longer than file systems count as one time


def leftovers(path):
    return [one.name for one in path.parent.iterdir() if one != path]


@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("name", WRITERS)
def test_a_killed_writer_leaves_a_whole_file(name, tmp_path):
    write, read = WRITERS[name]
    path, draw = tmp_path / name, random.Random(name)
    write(path, 0)  # whatever is imported and compiled is there in the child, too
    for _ in range(KILLS):
        number = forked(lambda: write_forever(write, path))
        time.sleep(draw.uniform(0.002, 0.05))
        end(number)
        read(path)
    _leftovers._swept.clear()  # as in a new process
    write(path, 1)
    assert leftovers(path) == []
    read(path)


SHARED = "i.tif", "i.png", "series.ome.tif", "table.csv", "w.safetensors", "images.npz"
"""Of writers that go one way to the disk, one."""


@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("name", SHARED)
def test_two_writers_of_one_file_leave_one_whole_file(name, tmp_path):
    write, read = WRITERS[name]
    path = tmp_path / name
    write(path, 0)
    numbers = [forked(lambda: write_forever(write, path)) for _ in range(2)]
    try:
        for _ in range(2 * KILLS):
            time.sleep(0.01)
            read(path)
        assert all(os.waitpid(number, os.WNOHANG) == (0, 0) for number in numbers), "both write"
    finally:
        for number in numbers:
            end(number)
    read(path)
