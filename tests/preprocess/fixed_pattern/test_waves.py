"""Waves are taken off where they are, in blocks, moved and masked planes alike."""

import json

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.preprocess import GreyRange
from napari_umis_fusion.preprocess.fixed_pattern import FixedPattern, PatternRemoval, Wave, Waves
from napari_umis_fusion.runtime import Workers, run_to_end

SHAPE = (150, 170)
FREQUENCY = 0.11, 0.07
YY, XX = np.indices(SHAPE)


def wave(amplitude=4.0, phase=0.0, yy=YY, xx=XX):
    down, along = FREQUENCY
    shown = np.cos(2 * np.pi * (down * yy + along * xx) + phase)
    return (amplitude * shown).astype(np.float32)


def known(amplitude=4.0, *, stands_still=True):
    return Waves((Wave(*FREQUENCY, amplitude, stands_still),), 250.0)


def specimen():
    noise = np.random.default_rng(2).normal(0, 40, SHAPE)
    return (120 + ndimage.gaussian_filter(noise, 2)).astype(np.float32)


@pytest.mark.parametrize("phase", [0.0, 1.0, 3.0])
def test_a_wave_comes_off_wherever_it_lies_and_at_borders(phase):
    left = specimen() + wave(phase=phase)
    left -= known().of(left, 1.0)
    assert (left - specimen()).std() < 0.3 * wave().std()
    assert (left - specimen())[:6].std() < 0.6 * wave().std()


def test_little_comes_off_where_there_is_no_wave():
    assert known().of(specimen(), 1.0).std() < 0.25 * wave().std()
    edge = np.where(XX > 80, 250, 0).astype(np.float32)
    assert np.abs(known().of(edge, 1.0)).max() < 2.01 * 4.0


def test_what_is_not_known_spreads_nowhere():
    grey = specimen() + wave()
    grey[40:60, 50:90] = np.nan
    found = known().of(grey, 1.0)
    assert np.isfinite(found).all()
    assert (found[40:60, 50:90] == 0).all()
    assert (found - wave())[np.isfinite(grey)].std() < 0.4 * wave().std()


def test_blocks_of_rows_are_as_the_whole(monkeypatch):
    grey = np.tile(specimen() + wave(), (3, 1))
    whole = known().of(grey, 1.0)
    monkeypatch.setattr("napari_umis_fusion.preprocess.fixed_pattern._waves.BLOCK_PX", 100)
    np.testing.assert_allclose(known().of(grey, 1.0), whole, atol=1e-2)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_in_a_plane_that_was_moved_a_wave_lies_as_on_the_sensor(scale):
    transform = np.array([[1.03, 0.05, 4.0], [-0.05, 1.03, -7.0]])
    yy, xx = (row[0] * YY + row[1] * XX + row[2] for row in transform)
    seen = specimen() + wave(yy=yy, xx=xx)
    pattern = FixedPattern(None, 0.0, 0.0, waves=known(4.0 / scale))
    window = tuple(slice(0, side) for side in SHAPE)
    with Workers(2) as workers:
        removal = PatternRemoval(pattern, GreyRange(0, scale), workers, transform[None], window)
        run_to_end(removal.iter_correct(seen, 0))
    assert (seen - specimen()).std() < 0.35 * wave().std()


def test_what_was_found_is_told():
    note = "waves 7.7 px long, of 1.1 %, stands still on the sensor: left out of the measure"
    pattern = FixedPattern(None, 0.0, 0.0, waves=known())
    assert note in pattern.notes[0]
    assert "lies elsewhere in each plane" in known(stands_still=False).note
    other = Waves((*known().waves, Wave(0.1, 0.0, 1.0, True)), 250.0)
    assert "7.7 to 10.0 px" in other.note
    told = json.loads(json.dumps(pattern.describe()))
    assert told["waves"][0]["down"] == FREQUENCY[0]
    assert told["waves"][0]["strength"] == pytest.approx(4 / 2**0.5 / 250, rel=0.01)
