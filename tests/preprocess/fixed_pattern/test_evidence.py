"""What planes share in a tile: ranks of single tiles, and answers known before all are seen."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.fixed_pattern._evidence import _reaches, lowest_and_usual


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
