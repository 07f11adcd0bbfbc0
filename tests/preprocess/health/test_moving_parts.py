"""Parts of planes that most planes do not show."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.preprocess.health import PlaneHealth, notes_on
from napari_umis_fusion.preprocess.health._moving_parts import (
    MIN_PLANES,
    MovingParts,
    cell_side,
    cells_of,
    find_moving,
)

SHAPE = (40, 50)


def still(planes=9, seed=0):
    """Return the cells of planes that show the same, but for noise and a little focus."""
    rng = np.random.default_rng(seed)
    scene = 60 + 900 * gaussian_filter(rng.normal(0, 1, SHAPE), 4)
    blurred = [gaussian_filter(scene, 0.3 + abs(z - planes / 2) / 6) for z in range(planes)]
    return (np.array(blurred) + rng.normal(0, 0.4, (planes, *SHAPE))).astype(np.float32)


@pytest.mark.parametrize("height", [60, -60])
@pytest.mark.parametrize("z", [0, 4, 8])
def test_debris_of_one_plane_is_found(z, height):
    for seed in range(5):
        cells = still(seed=seed)
        cells[z, 15:20, 20:26] += height
        found = find_moving(cells)
        assert found[z, 15:20, 20:26].mean() > 0.9
        found[z, 12:23, 17:29] = False
        assert not found.any()


def test_what_stays_in_most_planes_is_kept():
    cells = still()
    cells[2:, 15:20, 20:26] += 60
    found = find_moving(cells)
    assert not found[2:].any()
    assert found[:2, 15:20, 20:26].mean() > 0.9, "and what hid it does not count"


def test_light_that_focus_gathers_is_kept():
    """A bead: its light spreads over many cells where it is out of focus."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    far = (rows - 20) ** 2 + (columns - 25) ** 2
    for narrow in (0.6, 1.0, 2.0):
        cells = still()
        for z, plane in enumerate(cells):
            sigma = np.hypot(narrow, 1.2 * abs(z - 4))
            plane += 1500 * narrow**2 / sigma**2 * np.exp(-far / (2 * sigma**2)) / 10
        assert not find_moving(cells).any()


@pytest.mark.parametrize("planes", range(1, MIN_PLANES))
def test_few_planes_have_no_majority(planes):
    cells = still(planes)
    cells[0, 10:20, 10:20] += 90
    assert not find_moving(cells).any()


def test_cells_without_values_are_no_evidence():
    cells = still()
    cells[3] = np.nan
    cells[:, :5] = np.nan
    cells[5, 15:20, 20:26] += 60
    found = find_moving(cells)
    assert found[5, 15:20, 20:26].mean() > 0.9
    assert not found[3].any()
    assert not found[:, :4].any()


@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (8, 8), (9, 13), (41, 6)])
def test_cells_are_means(shape):
    grey = np.random.default_rng(0).normal(0, 9, shape).astype(np.float32)
    invalid = np.zeros(shape, np.bool_)
    cells = cells_of(grey, None, 4)
    height, width = (max(1, side // 4) for side in shape)
    assert cells.shape == (height, width)
    if min(shape) >= 4:
        expected = grey[: 4 * height, : 4 * width].reshape(height, 4, width, 4).mean((1, 3))
        np.testing.assert_allclose(cells, expected, rtol=1e-4, atol=1e-4)
        invalid[:4, :3] = True
        assert np.isnan(cells_of(grey, invalid, 4)[0, 0])


@pytest.mark.parametrize("shape", [(40, 48), (41, 51), (3, 5)])
def test_mask_has_the_shape_of_the_plane(shape):
    side = cell_side(shape)
    cells = np.zeros((2, max(1, shape[0] // side), max(1, shape[1] // side)), np.bool_)
    cells[1, -1, -1] = True
    parts = MovingParts(cells, side)
    assert parts.mask(0, shape) is None
    mask = parts.mask(1, (*shape, 3))
    assert mask.shape == shape
    assert mask[-1, -1]
    assert cell_side((20_000, 10_000)) ** 2 * (1 << 20) >= 20_000 * 10_000


@pytest.mark.parametrize(("share", "doubts"), [(0.02, False), (0.3, True)])
def test_the_note_doubts_that_much_of_a_plane_moves(share, doubts):
    (note,) = notes_on([PlaneHealth(0, moving=0.01), PlaneHealth(1, moving=share)])
    assert f"planes 0, 1: up to {share:.1%} is not what most planes show" in note
    assert ("it is defocus" in note) == doubts
