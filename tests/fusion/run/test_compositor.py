"""Tiles, threads and memory change no value, and memory does not grow with the planes."""

import dataclasses
import gc
import itertools
import tracemalloc

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig, fuse
from napari_umis_fusion.config import Blend, Verification
from napari_umis_fusion.focus_measure import CLASSICAL
from napari_umis_fusion.synthetic import make_stack

MAPS = ("all_in_focus", "index_map", "sub_plane_map", "confidence_map", "focus_map")
BLENDS, VERIFICATIONS = Blend.__args__, Verification.__args__

SPLITS = [
    {"tile_px": 32, "threads": 5},
    {"tile_px": 100, "threads": 2, "memory_mb": 0},
]


@pytest.fixture(scope="module")
def stack():
    """Hazy, so that verification has much to do; odd and not square."""
    return make_stack("bars", (133, 219), planes=5, haze=0.15, channels=None).stack


# Measures know nothing of blends: each of them with another pair, and each pair with one of them.
PAIRS = list(itertools.product(VERIFICATIONS, BLENDS))
MEASURES = itertools.islice(itertools.cycle(sorted(CLASSICAL)), len(PAIRS))


@pytest.mark.parametrize(
    ("measure", "verification", "blend"),
    [(measure, *pair) for measure, pair in zip(MEASURES, PAIRS, strict=True)],
)
def test_maps_do_not_depend_on_tiles_threads_and_memory(stack, measure, verification, blend):
    config = FusionConfig(measure, verification=verification, blend=blend, threads=1)
    whole = fuse(stack, config)
    for split in SPLITS:
        parts = fuse(stack, config, **split)
        for name in MAPS:
            np.testing.assert_array_equal(
                getattr(parts, name), getattr(whole, name), err_msg=f"{name} {split}"
            )


@pytest.mark.parametrize("options", [{"median_filter": True}, {"detail_sigma_px": 3.0}])
def test_wider_neighbourhoods_cross_tiles_too(stack, options):
    config = FusionConfig("laplacian")
    whole = fuse(stack.astype(np.float32), config, threads=1, **options)
    parts = fuse(stack.astype(np.float32), config, tile_px=32, **options)
    assert np.mean(whole.index_map != fuse(stack, config).index_map) > 0.01, (
        "the option does something"
    )
    for name in MAPS:
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_plane_smaller_than_any_window():
    stack = np.random.default_rng(5).integers(0, 256, (3, 1, 5), np.uint8)
    for measure in CLASSICAL:
        for verification in VERIFICATIONS:
            result = fuse(stack, focus_measure=measure, verification=verification)
            assert result.all_in_focus.shape == (1, 5)
            assert np.isfinite(result.sub_plane_map).all()


def test_temporary_file_is_told(stack):
    assert fuse(stack).notes == ()
    notes = fuse(stack, memory_mb=0).notes
    assert len(notes) == 1
    assert "temporary file: they are larger than memory_mb" in notes[0]


SIDES = 120, 160


@dataclasses.dataclass
class Endless:
    """Planes made when they are asked for."""

    planes: int
    dtype = np.dtype(np.uint16)

    @property
    def shape(self):
        return (self.planes, *SIDES, 2)

    def __getitem__(self, z):
        return np.random.default_rng(z).integers(0, 4096, self.shape[1:], self.dtype)


def peak_bytes(planes, **options):
    gc.collect()
    tracemalloc.start()
    try:
        fuse(Endless(planes), threads=1, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"blend": "select"}, {"verification": "mode"}], ids=lambda o: str(o)
)
def test_memory_does_not_grow_with_the_planes(options):
    fuse(Endless(2), **options)  # compiles and imports what it needs
    # numbers of planes of which as many composites wait
    few, many = (peak_bytes(planes, **options) for planes in (22, 34))
    one_plane = np.prod(SIDES) * 2 * Endless.dtype.itemsize
    assert few > 5 * one_plane, "something was measured"
    assert many < few + 4 * one_plane, "12 planes more; reading ahead makes it vary a little"
