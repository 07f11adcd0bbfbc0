"""What lines add is the mean of their parts, of those that tell."""

import numpy as np
import pytest

from napari_umis_fusion.preprocess.fixed_pattern._line_profiles import (
    detail_of,
    filled,
    mean_of_parts,
    parts_of,
)


@pytest.mark.parametrize("shape", [(5, 7), (64, 40), (50, 200)], ids=str)
@pytest.mark.parametrize("axis", [0, 1])
def test_parts_are_means(axis, shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    along = values if axis else values.T
    count = max(1, along.shape[1] // 16)
    ends = [16 * (1 + number) for number in range(count - 1)]
    wanted = [part.mean(axis=1) for part in np.split(along, ends, axis=1)]
    np.testing.assert_allclose(parts_of(values, axis), wanted, atol=1e-6)


def test_bands_of_detail_are_what_means_leave():
    lines = np.random.default_rng(1).normal(size=(1, 200))
    fine, soft = detail_of(lines)
    padded = np.pad(lines[0], 100, mode="symmetric")

    def smoothed(width):
        once = np.convolve(padded, np.ones(width) / width, "same")
        return np.convolve(once, np.ones(width) / width, "same")[100:-100]

    np.testing.assert_allclose(fine[0], lines[0] - smoothed(5), atol=1e-12)
    np.testing.assert_allclose(soft[0], smoothed(5) - smoothed(29), atol=1e-12)


def test_parts_with_a_specimen_or_without_anything_count_little():
    rng = np.random.default_rng(2)
    lines = rng.normal(size=100)
    parts = lines + rng.normal(0, 0.3, (12, 100))
    parts[2:6] += rng.normal(0, 20, (4, 100))
    parts[6:11] = 0
    assert np.abs(mean_of_parts(parts) - lines).std() < 0.2


def test_parts_that_are_missing_are_as_the_others():
    parts, absent = np.arange(12.0).reshape(3, 4), np.zeros((3, 4), np.bool_)
    absent[0, 1], absent[:, 3] = True, True
    np.testing.assert_array_equal(filled(parts, absent)[:, 1], [7, 5, 9])
    np.testing.assert_array_equal(filled(parts, absent)[:, 3], 0)
