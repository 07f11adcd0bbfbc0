import numpy as np
import pytest

from napari_umis_fusion.runtime import Tile, bands, split_rows, tiles_of, with_halo

SHAPES = [(1, 1), (1, 5), (3, 2), (16, 16), (33, 17)]


def numbered(shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (10, 3, [(0, 3), (3, 6), (6, 10)]),
        (2, 8, [(0, 1), (1, 2)]),
        (5, 1, [(0, 5)]),
        (4, 0, [(0, 4)]),
        (1, 3, [(0, 1)]),
    ],
)
def test_bands_cover_the_length(length, count, expected):
    assert bands(length, count) == expected


@pytest.mark.parametrize("shape", [*SHAPES, (9, 4, 3)])
@pytest.mark.parametrize("side_px", [1, 4, 16, 100])
def test_tiles_cover_each_pixel_once(shape, side_px):
    seen = np.zeros(shape, np.uint8)
    for tile in tiles_of(seen, side_px):
        height, width = seen[tile.window].shape[:2]
        assert 0 < height * width <= max(side_px**2, 2)
        seen[tile.window] += 1
    assert (seen == 1).all()


def test_tiles_run_from_top_left_to_bottom_right():
    starts = [tile.bounds[::2] for tile in tiles_of(np.empty((50, 70)), 8)]
    assert starts == sorted(starts)
    assert len(starts) > 4


def test_bounds_and_window_are_the_same_rectangle():
    tile = Tile(slice(2, 5), slice(1, 3))
    assert tile.bounds == (2, 5, 1, 3)
    assert numbered((6, 4))[tile.window].tolist() == [[9, 10], [13, 14], [17, 18]]


@pytest.mark.parametrize(
    ("height", "rows", "expected"),
    [(5, 2, [(0, 2), (2, 4), (4, 5)]), (4, 4, [(0, 4)]), (130, 128, [(0, 128), (128, 130)])],
)
def test_split_rows(height, rows, expected):
    assert split_rows(height, rows) == [slice(*pair) for pair in expected]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("halo_px", [0, 1, 5, 40])
@pytest.mark.parametrize("side_px", [2, 7, 64])
def test_halo_mirrors_the_plane(shape, halo_px, side_px):
    plane = numbered(shape)
    padded = np.pad(plane, halo_px, mode="symmetric")
    for tile in tiles_of(plane, side_px):
        top, bottom, left, right = tile.bounds
        expected = padded[top : bottom + 2 * halo_px, left : right + 2 * halo_px]
        seen = with_halo(plane, tile, halo_px)
        np.testing.assert_array_equal(seen, expected)
        assert seen.flags.c_contiguous


def test_halo_keeps_the_dtype_and_any_memory_order():
    plane = np.asfortranarray(np.random.default_rng(0).random((9, 7)) < 0.5)
    for tile in (Tile(slice(0, 9), slice(0, 7)), Tile(slice(3, 5), slice(3, 4))):
        seen = with_halo(plane, tile, 2)
        assert seen.dtype == np.bool_
        assert seen.flags.c_contiguous
