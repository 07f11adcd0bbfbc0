import numpy as np
import pytest

from napari_umis_fusion.fusion.mean._base_shift import BLOCK_PX, enlarged, shift_of


def given(differences, mean):
    """Arguments of `shift_of` for bases that differ from the mean, nothing being in focus."""
    bases = (mean + np.reshape(differences, (-1, 1, 1, 1))).astype(np.float32)
    shares = np.full(bases.shape[:3], 16, np.uint8)
    members = np.ones(len(bases), np.intp)
    return bases, members, shares, np.zeros(mean.shape[:2], np.float32), mean


@pytest.mark.parametrize(
    ("differences", "expected"),
    [([2, 3, 5], 2), ([-4, -3], -3), ([-1, 0, 4], 0), ([-9, 9], 0), ([6], 6)],
)
def test_a_base_beyond_those_of_all_planes_is_brought_to_the_nearest(differences, expected):
    mean = np.full((9, 11, 2), 100, np.float32)
    found = shift_of(*given(differences, mean), 1.0)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_what_no_plane_shows_is_not_shifted():
    mean = np.full((9, 11, 1), 100, np.float32)
    mean[:4] = np.nan
    found = shift_of(*given([5, 6], mean), 1.0)
    assert (found[:4] == 0).all()
    assert found[-1].min() > 2


def test_groups_without_planes_do_not_count():
    mean = np.full((6, 6, 1), 100, np.float32)
    bases, members, *others = given([5, 6, -100], mean)
    members[2], members[0] = 0, 2
    bases[0] *= 2
    found = shift_of(bases, members, *others, 1.0)
    np.testing.assert_allclose(found, 5, atol=1e-3)


@pytest.mark.parametrize(
    ("apart", "contrast", "least", "most"),
    [(4, 40, 0.5, 0.9), (8, 40, 0.9, 1), (0.5, 5, 0, 0.01), (0.5, 40, 0, 0.01), (4, 120, 0, 0.1)],
)
@pytest.mark.parametrize("grey_levels", [1.0, 0.02])
def test_light_that_changes_counts_and_what_blur_spreads_does_not(
    apart, contrast, least, most, grey_levels
):
    """Two planes of other light, of which one shows most: how much of their blend is taken."""
    squares = (np.indices((24, 24)) // 8).sum(0) % 2
    mean = ((128 + contrast * (2 * squares - 1)) / grey_levels).astype(np.float32)[..., None]
    bases = np.stack([mean + apart / grey_levels, mean - apart / grey_levels])
    shares = np.stack([np.full(mean.shape[:2], count, np.uint8) for count in (48, 16)])
    in_focus = np.ones(mean.shape[:2], np.float32)
    shift = shift_of(bases, np.ones(2, np.intp), shares, in_focus, mean, grey_levels)
    share = shift[8:16, 8:16] * grey_levels / (0.5 * apart)
    assert least <= share.min()
    assert share.max() <= most + 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (5, 30), (41, 17)], ids=str)
def test_blocks_are_enlarged_between_their_centres(shape):
    rows, columns = (np.arange(-(-side // BLOCK_PX)) for side in shape)
    blocks = np.add.outer(3.0 * rows, 2.0 * columns)[..., None].astype(np.float32)
    found = enlarged(blocks, slice(0, shape[0]), shape[1])
    assert found.shape == (*shape, 1)
    places = [
        np.clip((np.arange(n) + 0.5) / BLOCK_PX - 0.5, 0, -(-n // BLOCK_PX) - 1) for n in shape
    ]
    np.testing.assert_allclose(found[..., 0], np.add.outer(3 * places[0], 2 * places[1]), atol=1e-5)
    part = enlarged(blocks, slice(shape[0] // 2, shape[0]), shape[1])
    np.testing.assert_array_equal(part, found[shape[0] // 2 :])
