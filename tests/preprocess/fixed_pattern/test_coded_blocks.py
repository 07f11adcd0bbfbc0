"""Blocks of compressed planes are told, and nothing else is taken for them."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from napari_umis_fusion import fuse
from napari_umis_fusion.preprocess.fixed_pattern._coded_blocks import find_coded_blocks
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (128, 192)
STARTS = (0, 64), (0, 64, 128)
YY, XX = np.indices(SHAPE)


def rendered(scene, *, noisy=False, seed=1):
    stack = make_stack(scene, SHAPE, planes=6, noisy=noisy, seed=seed).stack
    grey = stack if stack.ndim == 3 else stack.mean(axis=-1)
    return (255 * (grey / grey.max())).astype(np.uint8)


def compressed(stack, quality, enlarged=1):
    planes = []
    for plane in stack:
        file, image = io.BytesIO(), Image.fromarray(plane)
        whole = image.size
        image = image.resize([side // enlarged for side in whole])
        image.save(file, "JPEG", quality=quality)
        planes.append(np.asarray(Image.open(file).resize(whole, Image.Resampling.BICUBIC)))
    return np.stack(planes)


def found_in(stack):
    tiles = [stack[:, y : y + 64, x : x + 64] for y in STARTS[0] for x in STARTS[1]]
    return find_coded_blocks(np.stack(tiles).astype(np.float32), STARTS, float(np.ptp(stack)))


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("scene", SCENES)
def test_strong_compression_is_told_and_planes_without_are_not(scene, noisy):
    stack = rendered(scene, noisy=noisy)
    assert found_in(stack) is None
    assert found_in(compressed(stack, 95)) is None
    assert found_in(compressed(stack, 15)).side_px == 8


def test_blocks_may_begin_anywhere_and_be_enlarged():
    stack = rendered("discs")
    cut = np.pad(compressed(stack, 15)[:, 3:, 5:], ((0, 0), (0, 3), (0, 5)), mode="reflect")
    assert found_in(cut).side_px == 8
    assert found_in(compressed(stack, 10, enlarged=2)).side_px == 16


OTHERS = {
    "lines": np.where((XX % 8 == 0) | (YY % 8 == 0), 90, 0),
    "chips": 60 * ((XX // 8 + YY // 8) % 2),
    "bars": 60 * (XX // 4 % 2),
    "columns": np.broadcast_to(np.random.default_rng(1).normal(0, 9, (1, SHAPE[1])), SHAPE),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("stands_still", [True, False])
def test_what_repeats_is_no_block(kind, stands_still):
    noise = np.random.default_rng(0).normal(0, 25, SHAPE)
    texture, shown = 80 + ndimage.gaussian_filter(noise, 1), OTHERS[kind].astype(float)
    planes = [
        ndimage.gaussian_filter(texture + (0 if stands_still else shown), 0.4 + 0.5 * z)
        + (shown if stands_still else 0)
        for z in range(5)
    ]
    assert found_in(np.stack(planes).astype(np.uint8)) is None


def test_it_is_told_and_nothing_is_changed():
    stack = compressed(rendered("bumps"), 15)
    result = fuse(stack, focus_measure="laplacian")
    assert any("compressed in blocks of 8 px" in note and "TIFF" in note for note in result.notes)
    assert result.provenance["coded_blocks"]["side_px"] == 8
    assert "fixed_pattern" not in result.provenance


def test_two_planes_tell_nothing():
    assert found_in(compressed(rendered("bumps"), 15)[:2]) is None
