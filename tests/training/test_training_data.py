"""What is trained on, gathered step by step: images read, stacks fused and cut."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import CheckpointError, DeviceError, StackError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.runtime import run_to_end
from napari_umis_fusion.synthetic import make_stack
from napari_umis_fusion.training import Preparing
from napari_umis_fusion.training.data import (
    REGION_PX,
    NamedData,
    TrainingData,
    collect_images,
    iter_collect,
)
from napari_umis_fusion.training.data import _collect as gathering

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (70, 80), np.uint8)
CLASSICAL = FusionConfig(focus_measure="laplacian")


@pytest.fixture(scope="module")
def stack():
    return make_stack("bumps", (REGION_PX, REGION_PX), planes=3, channels=None).stack


def gathered(data, fusion=CLASSICAL):
    """Return events and images."""
    events = []
    return events, run_to_end(iter_collect(data, fusion), events.append)


@pytest.mark.parametrize("alone", ["folder", GREY, as_stack(GREY[None]), NamedData("a", GREY)])
def test_one_thing_needs_no_tuple(alone):
    data = TrainingData(alone, alone)
    assert len(data.images) == len(data.stacks) == 1
    assert data.images[0] is alone
    assert TrainingData([alone, alone]).images == (alone, alone)
    assert TrainingData().images == TrainingData().stacks == ()


def test_images_and_stacks_together_with_their_names(stack, tmp_path):
    Image.fromarray(GREY).save(tmp_path / "photo_1.png")
    data = TrainingData(
        images=(tmp_path, NamedData("cells", GREY), NamedData("cells t 3", GREY, "cells"), GREY),
        stacks=(NamedData("beads", stack), stack),
    )
    events, images = gathered(data)
    assert images.names[1:4] == ("cells", "cells t 3", "array 3")
    assert images.sources[:4] == (f"{tmp_path.name}/photo", "cells", "cells", "array 3")
    assert images.names[4:] == ("beads at 0, 0", "stack 1 at 0, 0")
    assert images.sources[4:] == ("beads", "stack 1")
    assert images.images[4].shape == (REGION_PX, REGION_PX)
    shares = [event.share for event in events]
    assert all(isinstance(event, Preparing) for event in events)
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    told = " ".join(event.what for event in events)
    for what in ("reading image 4 of 4", "fusing stack 1 of 2", "fusing stack 2 of 2"):
        assert what in told


def test_every_image_is_told_of(tmp_path):
    for k in range(30):
        Image.fromarray(GREY).save(tmp_path / f"{k:02}.png")
    events, images = gathered(tmp_path)
    assert [event.what for event in events if "reading" in event.what][-1].endswith("30 of 30")
    assert len({event.what for event in events}) >= 30
    assert [name[-6:-4] for name in images.names] == [f"{k:02}" for k in range(30)], "in order"


def test_the_same_as_the_plain_function(tmp_path):
    tifffile.imwrite(tmp_path / "z.tif", np.stack([GREY, GREY[::-1]]), photometric="minisblack")
    plain, told = collect_images(tmp_path), gathered(TrainingData(tmp_path))[1]
    assert plain.names == told.names == tuple(f"{tmp_path}/z.tif plane {k}" for k in range(2))
    np.testing.assert_array_equal(plain.images, told.images)


def test_an_image_set_is_returned_at_once():
    images = collect_images([GREY])
    assert gathered(images) == ([], images)


def test_planes_of_a_stack_object_are_read_one_by_one():
    class Watched(type(as_stack(GREY[None]))):
        def plane(self, z):
            read.append(z)
            return super().plane(z)

    read = []
    images = gathered(TrainingData(NamedData("movie", Watched(np.stack([GREY] * 3)))))[1]
    assert images.names == ("movie plane 0", "movie plane 1", "movie plane 2")
    assert set(read) == {0, 1, 2}


def test_stacks_of_no_use_are_left_out_with_the_reason(stack, tmp_path):
    (tmp_path / "broken.tif").write_text("hello")
    useless = (
        NamedData("flat", np.zeros((3, 300, 300), np.uint8)),
        NamedData("small", stack[:, :50]),
        NamedData("alone", stack[:1]),
        NamedData("odd", np.zeros((2, 3))),
        tmp_path / "broken.tif",
    )
    _, images = gathered(TrainingData(stacks=(*useless, stack)))
    assert set(images.sources) == {"stack 5"}
    left_out = [reason.split(": ")[0] for reason in images.left_out]
    assert left_out == ["flat", "small", "alone", "odd", str(tmp_path / "broken.tif")]
    assert "no region with detail" in images.left_out[0]
    assert "single plane" in images.left_out[2]
    with pytest.raises(StackError, match=r"no usable image; .* Left out: flat: has no region"):
        gathered(TrainingData(stacks=useless))


@pytest.mark.parametrize("kind", ["images", "stacks"])
def test_a_missing_path_is_an_error_before_anything_is_fused(stack, tmp_path, kind):
    data = TrainingData(**{"stacks": (stack,), kind: (tmp_path / "absent",)})
    with pytest.raises(StackError, match="absent does not exist; give"):
        gathered(data)


def test_a_list_of_planes_is_one_stack(stack, tmp_path):
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for path, plane in zip(paths, stack, strict=True):
        Image.fromarray(plane).save(path)
    _, images = gathered(TrainingData(stacks=[paths]))
    _, expected = gathered(TrainingData(stacks=[stack]))
    assert images.sources == (f"{paths[0]} and 2 more",)
    np.testing.assert_array_equal(images.images, expected.images)


def test_weights_that_are_missing_are_not_the_stacks_fault(stack, tmp_path):
    learned = FusionConfig(focus_measure="learned", checkpoint=str(tmp_path / "absent.safetensors"))
    with pytest.raises(CheckpointError):
        gathered(TrainingData(stacks=(stack,)), learned)


def test_a_device_that_is_missing_is_not_the_stacks_fault(stack, monkeypatch):
    def absent(stack, fusion):
        yield 0.0
        raise DeviceError("no such device")

    monkeypatch.setattr(gathering, "iter_regions", absent)
    with pytest.raises(DeviceError):
        gathered(TrainingData(stacks=(stack,)))


def test_it_can_be_abandoned_at_any_event(stack, threads):
    before = threads()
    count = len(gathered(TrainingData(GREY, stack))[0])
    for stop in range(1, count, 3):
        events = iter_collect(TrainingData(GREY, stack), CLASSICAL)
        for _ in range(stop):
            next(events, None)
        events.close()
        assert threads() <= before


def test_regions_do_not_hold_on_to_the_whole_image(stack):
    _, images = gathered(TrainingData(stacks=(np.concatenate([stack, stack], axis=2),)))
    assert all(image.base is None or image.base.size == image.size for image in images.images)
