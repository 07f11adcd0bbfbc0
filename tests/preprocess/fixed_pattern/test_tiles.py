"""Tables of tiles, against loops over their pixels."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.fixed_pattern._tiles import TileGrid, _add_scaled

SHAPES = [(64, 64), (5, 7), (33, 80), (16, 100), (1, 1), (70, 9)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_means_are_those_of_each_tile(shape):
    grid, values = TileGrid(shape), np.random.default_rng(0).normal(size=shape).astype(np.float32)
    means = grid.means(values)
    assert means.shape == grid.counts
    for down in range(grid.counts[0]):
        for along in range(grid.counts[1]):
            tile = values[
                grid.rows[down] : grid.rows[down + 1], grid.columns[along] : grid.columns[along + 1]
            ]
            assert means[down, along] == pytest.approx(tile.mean(dtype=np.float64), abs=1e-9)


def test_blocks_cover_all_rows_once_and_give_the_same_means():
    grid = TileGrid((700, 40))
    values = np.random.default_rng(1).normal(size=grid.shape).astype(np.float32)
    edges, parts = grid.rows, []
    for first, last in grid.blocks():
        parts.append(grid.means(values[edges[first] : edges[last]], first, last))
    np.testing.assert_allclose(np.concatenate(parts), grid.means(values), atol=1e-12)


def bilinear(table, shape):
    """Return the table between the centres of its tiles, constant beyond the outer ones."""
    places = [
        np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
        for size, count in zip(shape, table.shape, strict=True)
    ]
    down = np.stack([np.interp(places[0], range(table.shape[0]), c) for c in table.T], axis=1)
    return np.stack([np.interp(places[1], range(table.shape[1]), row) for row in down])


@pytest.mark.parametrize("kernel", [_add_scaled, _add_scaled.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tables_are_interpolated_between_tiles(shape, kernel):
    rng, grid = np.random.default_rng(2), TileGrid(shape)
    values, table = rng.normal(size=shape).astype(np.float32), rng.normal(size=grid.counts)
    out = np.ones(shape, np.float32)
    kernel(out, values, table.astype(np.float32), 0, shape[0])
    np.testing.assert_allclose(out, 1 + values * bilinear(table, shape), atol=1e-4)


def test_a_part_of_the_rows_is_scaled_as_in_the_whole():
    rng, grid = np.random.default_rng(3), TileGrid((90, 40))
    values, table = rng.normal(size=grid.shape).astype(np.float32), rng.normal(size=grid.counts)
    whole, part = np.zeros(grid.shape, np.float32), np.zeros((30, 40), np.float32)
    grid.add_scaled(whole, values, table)
    grid.add_scaled(part, values[50:80], table, 50)
    np.testing.assert_array_equal(part, whole[50:80])
