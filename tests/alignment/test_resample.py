import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_umis_fusion.alignment import AlignedStack, Alignment, apply, common_window
from napari_umis_fusion.alignment import _resample as resampling
from napari_umis_fusion.alignment._resample import (
    coverage_mask,
    resample,
    source_region,
    whole_shift,
)
from napari_umis_fusion.alignment._transforms import about_centre
from napari_umis_fusion.errors import AlignmentError
from napari_umis_fusion.files.read import as_stack

KERNEL_MODULES = (resampling,)

SHAPE = (48, 60)


def shift(rows, columns):
    return np.column_stack([np.eye(2), (rows, columns)])


def smooth(seed=0, shape=SHAPE, sigma=2.0):
    image = gaussian_filter(np.random.default_rng(seed).random(shape), sigma)
    return (image - image.min()) / np.ptp(image)


def waves(rows, columns):
    """A pattern that is known between pixels too."""
    return 100 + 50 * np.sin(rows / 3.1 + columns / 7.3) + 30 * np.cos(columns / 2.9 - rows / 11)


def pattern(transform=None, shape=SHAPE):
    points = np.moveaxis(np.indices(shape).astype(float), 0, -1)
    if transform is not None:
        points = apply(transform, points)
    return waves(points[..., 0], points[..., 1])


TRANSFORMS = {
    "half a pixel": shift(0.5, -0.5),
    "magnified": about_centre(1.03 * np.eye(2), (0.3, -1.2), SHAPE),
    "reduced": about_centre(0.96 * np.eye(2), (0, 0), SHAPE),
    "turned": about_centre(np.array([[0.999, -0.04], [0.04, 0.999]]), (1, 1), SHAPE),
}


@pytest.mark.usefixtures("jit")
@pytest.mark.parametrize("name", TRANSFORMS)
def test_values_between_pixels_are_near_to_the_truth(name):
    transform = TRANSFORMS[name]
    moved = resample(pattern(), transform, SHAPE)
    inner = slice(6, -6), slice(6, -6)
    assert np.abs(moved - pattern(transform))[inner].max() < 1  # of a range of 160
    assert np.abs(moved - pattern())[inner].max() > 5


@pytest.mark.usefixtures("jit")
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int16", "float16", "float32", "f8"])
def test_dtype_is_kept_and_no_value_is_beyond_those_around(dtype):
    rng = np.random.default_rng(1)
    plane = (rng.random(SHAPE) > 0.5).astype(dtype) * (1 if dtype == "bool" else 100)
    moved = resample(plane, TRANSFORMS["half a pixel"], SHAPE)
    assert moved.dtype == plane.dtype
    assert moved.min() >= plane.min()
    assert moved.max() <= plane.max()


@pytest.mark.usefixtures("jit")
@pytest.mark.parametrize("place", [(20, 30), (0, 0), (47, 30)])
def test_what_is_not_a_number_stays_none(place):
    plane = pattern()
    plane[place] = np.nan
    moved = resample(plane, TRANSFORMS["half a pixel"], SHAPE)
    assert np.isnan(moved[place])
    assert 0 < np.isnan(moved).sum() <= 49, "as far as the kernel reaches"


def test_large_integers_are_exact():
    plane = np.full(SHAPE, 2**31 - 7, np.int32)
    assert np.array_equal(resample(plane, TRANSFORMS["turned"], SHAPE), plane)


def test_channels_are_moved_alike():
    colour = np.stack([smooth(seed) for seed in range(3)], axis=-1)
    moved = resample(colour, TRANSFORMS["magnified"], SHAPE)
    for channel in range(3):
        alone = resample(colour[..., channel], TRANSFORMS["magnified"], SHAPE)
        assert np.array_equal(moved[..., channel], alone)


def test_no_motion_changes_nothing():
    plane = np.random.default_rng(2).integers(0, 255, SHAPE, np.uint8)
    assert np.array_equal(resample(plane, np.eye(2, 3), SHAPE), plane)


@pytest.mark.parametrize(
    ("transform", "whole"),
    [
        (shift(3, -4), (3, -4)),
        (shift(2.995, -4.01), (3, -4)),
        (shift(2.9, -4), None),
        (TRANSFORMS["magnified"], None),
    ],
)
def test_whole_shifts(transform, whole):
    assert whole_shift(transform, SHAPE) == whole


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_region_needs_no_more_than_its_part_of_the_plane(name):
    transform, plane = TRANSFORMS[name], smooth(4)
    rows, columns = slice(10, 25), slice(20, 41)
    down, along = source_region(transform, rows, columns, SHAPE)
    assert (down.stop - down.start) * (along.stop - along.start) < 0.6 * plane.size
    alignment = Alignment.given([transform], SHAPE)
    stack = AlignedStack(as_stack(plane[None]), alignment)
    assert np.allclose(stack.region(0, rows, columns), stack.plane(0)[rows, columns], atol=1e-4)


def test_covered_is_what_lies_in_the_plane():
    inside = coverage_mask(shift(5, -7), slice(0, 48), slice(0, 60), SHAPE)
    expected = np.zeros(SHAPE, bool)
    expected[:43, 7:] = True
    assert np.array_equal(inside, expected)


def test_whole_pixels_are_copied():
    stack = np.random.default_rng(3).integers(0, 60_000, (2, *SHAPE), np.uint16)
    aligned = AlignedStack(as_stack(stack), Alignment.given([shift(0, 0), shift(5, -7)], SHAPE))
    assert np.array_equal(aligned.plane(1)[:43, 7:], stack[1][5:, :-7])
    assert aligned.uncovered(0) is None
    missing = aligned.uncovered(1)
    assert missing[43:].all()
    assert missing[:, :7].all()
    assert not missing[:43, 7:].any()


def test_planes_that_do_not_move_are_read_as_they_are():
    stack = np.random.default_rng(3).integers(0, 255, (2, *SHAPE), np.uint8)
    alignment = Alignment.given([shift(0, 0), shift(0.5, 0)], SHAPE)
    aligned = AlignedStack(as_stack(stack), alignment, (slice(4, 40), slice(3, 50)))
    assert np.array_equal(aligned.plane(0), stack[0, 4:40, 3:50])
    assert alignment.moved == (1,)


def test_a_plane_far_away_shows_nothing():
    stack = np.ones((2, *SHAPE), np.uint8)
    aligned = AlignedStack(as_stack(stack), Alignment.given([shift(0, 0), shift(500, 0)], SHAPE))
    assert aligned.uncovered(1).all()
    assert aligned.plane(1).shape == SHAPE


@pytest.mark.parametrize("name", TRANSFORMS)
def test_all_planes_show_the_window_and_hardly_more(name):
    alignment = Alignment.given([np.eye(2, 3), TRANSFORMS[name]], SHAPE)
    rows, columns = common_window(alignment)
    stack = AlignedStack(as_stack(np.ones((2, *SHAPE))), alignment, (rows, columns))
    assert all(stack.uncovered(z) is None for z in range(2))
    assert rows.stop - rows.start > 0.85 * SHAPE[0]
    assert columns.stop - columns.start > 0.85 * SHAPE[1]
    larger = slice(rows.start - 3, rows.stop + 3), slice(columns.start - 3, columns.stop + 3)
    assert not coverage_mask(TRANSFORMS[name], *larger, SHAPE).all() or name == "reduced"


def test_window_of_planes_with_nothing_in_common():
    with pytest.raises(AlignmentError, match=r"too little in common.*align_border"):
        common_window(Alignment.given([shift(0, 0), shift(46, 0)], SHAPE))


def test_alignment_of_another_stack_is_refused():
    alignment = Alignment.given([shift(0, 0)] * 3, SHAPE)
    with pytest.raises(AlignmentError, match="3 planes of 48 x 60 px, but the stack has 2 of 48"):
        AlignedStack(as_stack(np.ones((2, *SHAPE))), alignment)


@pytest.mark.parametrize(
    ("transforms", "text"),
    [
        (np.eye(2, 3), r"shape \(2, 3\); accepted is \(Z, 2, 3\)"),
        ([np.full((2, 3), np.nan)], "not finite"),
        ([np.zeros((2, 3))], "singular or mirrors"),
        ([], "accepted is"),
    ],
)
def test_unsound_transforms_are_refused(transforms, text):
    with pytest.raises(AlignmentError, match=text):
        Alignment.given(transforms, SHAPE)
