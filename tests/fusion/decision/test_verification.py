import subprocess
import sys

import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.fusion.decision import _verification as verification
from napari_umis_fusion.runtime import run_to_end

SHAPES = [(1, 1), (1, 9), (7, 1), (3, 5), (23, 37)]
FILTERS = {"mode": verification.mode_filter, "median": verification.median_filter_index}


KERNEL_MODULES = (verification,)


def windows(index_map, window_px):
    radius = window_px // 2
    for y, x in np.ndindex(index_map.shape):
        rows = slice(max(y - radius, 0), y + radius + 1)
        columns = slice(max(x - radius, 0), x + radius + 1)
        yield (y, x), index_map[rows, columns].ravel()


def twin(index_map, window_px, statistic):
    out = np.empty_like(index_map)
    for at, values in windows(index_map, window_px):
        out[at] = np.bincount(values).argmax() if statistic == "mode" else int(np.median(values))
    return out


def random_map(shape, planes, seed=0):
    return np.random.default_rng(seed).integers(0, planes, shape, np.uint16)


@pytest.mark.parametrize("statistic", FILTERS)
@pytest.mark.parametrize("window_px", [1, 3, 9, 101])
@pytest.mark.parametrize("shape", SHAPES)
def test_filter_equals_its_twin(shape, window_px, statistic, jit, monkeypatch):
    monkeypatch.setattr(verification, "TILE_ROWS", 10)
    monkeypatch.setattr(verification, "TILE_COLUMNS", 13)
    index_map = random_map(shape, 5)
    filtered = FILTERS[statistic](index_map, window_px)
    assert filtered.dtype == np.uint16
    np.testing.assert_array_equal(filtered, twin(index_map, window_px, statistic))


@pytest.mark.parametrize("statistic", FILTERS)
def test_indices_may_be_sparse_and_large(statistic, jit):
    index_map = random_map((19, 21), 4) * np.uint16(21845)
    np.testing.assert_array_equal(FILTERS[statistic](index_map, 5), twin(index_map, 5, statistic))


def test_smallest_index_wins_a_tie():
    assert verification.mode_filter(np.array([[3, 2], [2, 3]], np.uint16), 3).tolist() == [
        [2, 2],
        [2, 2],
    ]


def test_median_of_an_even_number_is_truncated():
    assert verification.median_filter_index(np.array([[0, 3]], np.uint16), 3).tolist() == [[1, 1]]


def test_counts_beyond_16_bits():
    """66,000 pixels of one index outnumber 24,601 of another, and do not wrap around."""
    index_map = np.full((301, 301), 7, np.uint16)
    index_map.ravel()[66_000:] = 9
    assert verification.mode_filter(index_map, 601).tolist() == np.full((301, 301), 7).tolist()
    assert (verification.median_filter_index(index_map, 601) == 7).all()


@pytest.mark.parametrize("statistic", FILTERS)
@pytest.mark.parametrize("tile", [(1000, 1000), (64, 32), (17, 301)])
def test_tiles_and_threads_change_nothing(statistic, tile, monkeypatch):
    index_map = random_map((150, 310), 40)
    expected = FILTERS[statistic](index_map, 31)
    monkeypatch.setattr(verification, "TILE_ROWS", tile[0])
    monkeypatch.setattr(verification, "TILE_COLUMNS", tile[1])
    filtered = run_to_end(verification.iter_filter(index_map, 31, statistic, threads=3))
    np.testing.assert_array_equal(filtered, expected)


def test_source_stays_as_it_is():
    index_map = random_map((20, 20), 4)
    before = index_map.copy()
    verification.mode_filter(index_map, 5)
    np.testing.assert_array_equal(index_map, before)


@pytest.mark.parametrize("window_px", [0, -1, 2, 100])
def test_window_must_be_odd(window_px):
    with pytest.raises(
        ConfigError, match=rf"window_px={window_px}; accepted is an odd number of 1"
    ):
        verification.mode_filter(np.zeros((3, 3), np.uint16), window_px)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((203, 251), 9), ((717, 600), 29), ((2048, 2048), 101), ((40, 99), 1), ((5, 5), 1)],
)
def test_reference_window(size, expected):
    assert verification.reference_window_px(*size) == expected


def test_loads_no_torch():
    code = (
        "import sys, napari_umis_fusion.fusion.decision._verification, "
        "napari_umis_fusion.focus_measure._deep_spatial_frequency as d; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
