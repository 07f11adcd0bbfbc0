"""What planes share in a tile: ranks of single tiles, and answers known before all are seen."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.fixed_pattern._evidence import (
    _reaches,
    holds_pattern,
    lowest_and_usual,
)
from napari_umis_fusion.preprocess.fixed_pattern._samples import TILE_PX


@pytest.mark.parametrize("planes", [3, 6, 7, 9])
@pytest.mark.parametrize("seed", range(20))
def test_a_single_tile_is_ranked_as_one_of_many(planes, seed):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=planes * (planes - 1) // 2).astype(np.float64)
    shared[rng.random(shared.size) < rng.choice([0, 0.2, 0.6])] = np.nan
    single = lowest_and_usual(shared, planes)
    many = lowest_and_usual(np.stack([shared, shared], axis=1), planes)
    np.testing.assert_array_equal(single, [rank[0] for rank in many])


class Asked:
    """A test of tiles, each of which is its own answer; counts those that were asked."""

    def __init__(self, answers):
        self.tiles, self.count = np.asarray(answers), 0

    def __call__(self, some):
        self.count += len(some)
        return some


@pytest.mark.parametrize("seed", range(20))
def test_stopping_early_changes_no_answer(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        asked = Asked(rng.random(rng.integers(1, 60)) < rng.random())
        least = rng.uniform(0, 1.1 * asked.tiles.size)
        assert _reaches(least, asked.tiles, asked) == (asked.tiles.sum() >= least)


@pytest.mark.parametrize(("answer", "count"), [(False, 48), (True, 32)])
def test_nothing_is_asked_that_cannot_matter(answer, count):
    asked = Asked([answer] * 60)
    assert _reaches(20, asked.tiles, asked) == answer
    assert asked.count == count


def noisy_tiles(seed, planes=9):
    """Return tiles of a lattice of 3 x 4, in which nothing but noise of 6 grey levels is."""
    rng = np.random.default_rng(seed)
    return rng.normal(120, 6, (12, planes, TILE_PX, TILE_PX)).astype(np.float32), rng


@pytest.mark.parametrize("planes", [3, 5, 9])
def test_noise_alone_is_no_pattern(planes):
    assert not any(holds_pattern(noisy_tiles(seed, planes)[0], 0.1, 4) for seed in range(8))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("planes", [4, 9])
def test_lines_a_quarter_as_strong_as_noise_are_found(planes, axis):
    for seed in range(4):
        tiles, rng = noisy_tiles(seed, planes)
        lattice = tiles.reshape(3, 4, planes, TILE_PX, TILE_PX)
        if axis:
            lattice += rng.normal(0, 1.5, (3, 1, 1, TILE_PX, 1)).astype(np.float32)
        else:
            lattice += rng.normal(0, 1.5, (1, 4, 1, 1, TILE_PX)).astype(np.float32)
        assert holds_pattern(tiles, 0.1, 4)


def test_lines_as_soft_as_a_lens_draws_are_no_pattern():
    """A grating that is sharp in all planes stays."""
    tiles, _ = noisy_tiles(0)
    tiles += 20 * np.sin(np.arange(TILE_PX, dtype=np.float32) / 2)
    assert not holds_pattern(tiles, 0.1, 4)


def test_a_scratch_in_noise_is_found_in_many_tiles():
    for seed in range(4):
        tiles, rng = noisy_tiles(seed)
        steps = np.arange(TILE_PX)
        for tile in tiles[::2]:
            tile[:, steps, (steps + rng.integers(TILE_PX)) % TILE_PX] -= 35
        assert holds_pattern(tiles, 0.1, 4)
