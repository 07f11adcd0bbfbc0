"""Profiles along lines are means, and tell lines from specimens and noise."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.fixed_pattern._lines import LineProfiles, line_pattern
from napari_umis_fusion.preprocess.fixed_pattern._tiles import TileGrid

PLANES = 5


def profiles_of(details, axis, side_px=8):
    grid = TileGrid(details.shape[1:], side_px)
    profiles = LineProfiles(grid, axis, len(details))
    for number, detail in enumerate(details):
        for block in grid.blocks():
            first, last = int(grid.rows[block[0]]), int(grid.rows[block[1]])
            profiles.add(detail[first:last], number, *block)
    return profiles


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(70, 90), (65, 400), (901, 67)], ids=str)
def test_profiles_are_means(axis, shape):
    details = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    profiles = profiles_of(details, axis)
    starts, ends = profiles._starts, profiles._ends
    assert starts[0] == 0
    assert ends[-1] == shape[axis]
    assert len(starts) <= 60
    for number, start, end in ((0, starts[0], ends[0]), (1, starts[-1], ends[-1])):
        part = details[number].swapaxes(0, axis)[start:end].mean(axis=0)
        band = list(starts).index(start)
        np.testing.assert_allclose(profiles._means[number, band], part, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_short_lines_are_none(seed):
    rng = np.random.default_rng(seed)
    details = rng.normal(size=(PLANES, 128, 128)).astype(np.float32)
    details[:, 30:70, 50] += 20  # less than half of the column
    for axis in (0, 1):
        assert not line_pattern([profiles_of(details, axis)], 1e-6)[0].any()


@pytest.mark.parametrize("axis", [0, 1])
def test_lines_are_found_far_below_the_noise(axis):
    rng = np.random.default_rng(1)
    lines = rng.normal(0, 0.7, 160).astype(np.float32)
    details = rng.normal(size=(PLANES, 200, 160)).astype(np.float32) + lines
    found = line_pattern([profiles_of(details.swapaxes(1, 1 + axis).copy(), axis)], 1e-6)[0]
    assert np.corrcoef(found, lines)[0, 1] > 0.97
