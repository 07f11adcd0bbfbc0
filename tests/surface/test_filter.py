import numpy as np
import pytest

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.surface import filtered


def wave(length_um, pixel_um=0.5, shape=(240, 400)):
    return np.cos(2 * np.pi * np.arange(shape[1]) * pixel_um / length_um) * np.ones(shape)


@pytest.mark.parametrize("length_um", [10, 20, 50])
def test_half_of_the_amplitude_passes_at_the_cut_off(surface_of, length_um):
    surface = surface_of(wave(length_um), 0.5)
    for options in ({"s_cutoff_um": length_um}, {"l_cutoff_um": length_um}):
        kept = filtered(surface, **options).heights_um[4, 100:300]
        assert np.ptp(kept) / 2 == pytest.approx(0.5, abs=0.01)


def test_between_the_cut_offs_waves_pass(surface_of):
    kept = {
        length: np.ptp(
            filtered(surface_of(wave(length), 0.5), s_cutoff_um=8, l_cutoff_um=80).heights_um[
                4, 100:300
            ]
        )
        / 2
        for length in (2, 25, 200)
    }
    assert kept[2] < 0.01
    assert kept[25] > 0.85
    assert kept[200] < 0.15


def test_missing_points_stay_missing_and_do_not_spread(surface_of, rough):
    mask = np.zeros(rough.shape, bool)
    mask[10:20, 30:45] = True
    level = surface_of(np.full(rough.shape, 7.0), never_in_focus=mask)
    kept = filtered(level, s_cutoff_um=5)
    np.testing.assert_array_equal(kept.is_measured, ~mask)
    np.testing.assert_allclose(kept.heights_um[~mask], level.heights_um[~mask])


def test_without_gaps_the_result_is_that_of_the_plain_filter(surface_of, rough):
    one_gap = np.zeros(rough.shape, bool)
    one_gap[0, 0] = True
    plain = filtered(surface_of(rough), s_cutoff_um=4).heights_um
    gapped = filtered(surface_of(rough, never_in_focus=one_gap), s_cutoff_um=4).heights_um
    offset = np.median(gapped[30:, 40:] - plain[30:, 40:])
    np.testing.assert_allclose(gapped[30:, 40:], plain[30:, 40:] + offset, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"s_cutoff_um": 0.9}, "two"),
        ({"l_cutoff_um": 1000}, "shorter side"),
        ({"s_cutoff_um": 10, "l_cutoff_um": 10}, "nothing would be left"),
        ({"s_cutoff_um": float("nan")}, "accepted"),
        ({"l_cutoff_um": -3}, "accepted"),
    ],
)
def test_cut_offs_that_cannot_be_are_refused(surface_of, rough, options, message):
    with pytest.raises(ConfigError, match=message):
        filtered(surface_of(rough), **options)
