import numpy as np
import pytest

from napari_umis_fusion.preprocess.health._beyond import places_beyond


@pytest.mark.parametrize("least", [0.0, 2.0, 2.1, np.inf])
def test_places_equal_their_twin(least):
    """All that differs by more from both planes around, or whose difference is unknown."""
    rng = np.random.default_rng(0)
    here, before, after = rng.integers(0, 9, (3, 13, 21)).astype(np.float32) / np.float32(2.1)
    here[4, 5] = before[6, 7] = np.nan
    with np.errstate(invalid="ignore"):
        is_within = here - np.maximum(before, after) <= np.float32(least)
        is_within &= np.minimum(before, after) - here <= np.float32(least)
    is_within[:3] = is_within[11:] = True
    np.testing.assert_array_equal(
        places_beyond((here, before, after), least, 3, 11), np.flatnonzero(~is_within)
    )


def test_no_place_is_lost_to_rounding():
    """Least heights have more digits than pixels."""
    here = np.full((1, 1), 0.1, np.float32)
    dark = np.zeros_like(here)
    assert len(places_beyond((here, dark, dark), float(here[0, 0]) - 1e-10, 0, 1)) == 1


def test_bytes_are_compared_without_wrapping():
    dark, bright = (np.full((1, 2), value, np.uint8) for value in (0, 255))
    assert list(places_beyond((dark, bright, bright), 3, 0, 1)) == [0, 1]
    assert not len(places_beyond((dark, bright, dark), 3, 0, 1))
