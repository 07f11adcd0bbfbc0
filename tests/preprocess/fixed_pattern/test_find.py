"""Patterns of many kinds are found, and nothing else is taken for one."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion.preprocess import GreyConverter, GreyRange
from napari_umis_fusion.preprocess.fixed_pattern import (
    Banding,
    FixedPattern,
    PatternRemoval,
    PlaneSamples,
    iter_find_pattern,
)
from napari_umis_fusion.preprocess.fixed_pattern._detail import finest
from napari_umis_fusion.runtime import ScratchMemory, Workers, run_to_end
from napari_umis_fusion.stack import Stack, stack_of_arrays
from napari_umis_fusion.synthetic import SCENES, make_stack

SHAPE = (160, 192)
PLANES = 9


def noise(shape, seed):
    return np.random.default_rng(seed).normal(0, 1, shape)


def columns(seed):
    return np.broadcast_to(noise((1, SHAPE[1]), seed), SHAPE)


def rows(seed):
    return np.broadcast_to(noise((SHAPE[0], 1), seed), SHAPE)


def pixels(seed):
    return noise(SHAPE, seed)


def odd_columns(seed):
    return np.broadcast_to(np.where(np.arange(SHAPE[1]) % 2, 1.0, -1.0), SHAPE)


def grid(seed):
    lines = np.zeros(SHAPE)
    lines[seed % 5 :: 16] = lines[:, seed % 7 :: 16] = -6
    return lines


KINDS = {
    "columns": columns,
    "rows": rows,
    "pixels": pixels,
    "odd columns": odd_columns,
    "grid": grid,
}


def look(stack, threads=2):
    planes = stack if isinstance(stack, Stack) else stack_of_arrays(stack)
    to_grey, samples = GreyConverter(planes, "auto"), PlaneSamples(planes.shape, planes.dtype)
    with ScratchMemory(4096) as workspace, Workers(threads) as workers:
        return run_to_end(iter_find_pattern(planes, samples, to_grey, workspace, workers))


def clean(scene="bumps", dtype="uint8", *, planes=PLANES, channels=None, noisy=False, seed=0):
    full = {"uint8": 255.0, "uint16": 30000.0, "float32": 1.0}[dtype]
    options = {"dtype": dtype, "full_scale": full, "noisy": noisy, "seed": seed}
    return make_stack(scene, SHAPE, planes=planes, channels=channels, **options).stack


def with_pattern(stack, pattern, strength, *, is_gain=False):
    top = np.iinfo(stack.dtype).max if stack.dtype.kind == "u" else np.inf
    values = stack.astype(np.float64)
    share = strength * pattern[..., None] if stack.ndim == 4 else strength * pattern
    values = values * (1 + share) if is_gain else values + share * np.ptp(values)
    values = np.clip(values, 0, top)
    return (np.rint(values) if stack.dtype.kind == "u" else values).astype(stack.dtype)


@pytest.mark.parametrize(("seed", "strength"), [(0, 0.02), (1, 0.03)])
@pytest.mark.parametrize("kind", KINDS)
def test_patterns_are_found_as_they_are(kind, seed, strength):
    stack, pattern = clean(seed=seed), KINDS[kind](seed)
    found = look(with_pattern(stack, pattern, strength))
    assert found is not None
    truth = finest((strength * np.ptp(stack.astype(float)) * pattern).astype(np.float32))
    # What no lens shows decides; slow changes do not matter, and are not looked for.
    assert np.corrcoef(finest(found.values).ravel(), truth.ravel())[0, 1] > 0.75
    assert found.strength < 1.6 * strength * pattern.std()
    named = {"columns": "columns", "odd columns": "columns", "rows": "rows"}.get(kind, "pixels")
    if strength > 0.02:
        assert found.kind == named
        assert found.coverage > 0.9


@pytest.mark.parametrize(("kind", "seed"), [("columns", 0), ("rows", 1)])
def test_lines_are_seen_through_noise(kind, seed):
    """Along a line there are many pixels to tell it by."""
    stack = clean("discs", noisy=True, seed=seed)
    pattern = KINDS[kind](seed)
    found = look(with_pattern(stack, pattern, 0.03))
    assert found is not None
    assert found.kind == kind
    truth = finest((0.03 * np.ptp(stack.astype(float)) * pattern).astype(np.float32))
    assert np.corrcoef(finest(found.values).ravel(), truth.ravel())[0, 1] > 0.95
    assert finest(found.values - truth).std() < 0.4 * truth.std()


@pytest.mark.parametrize("kind", ["pixels", "columns"])
def test_the_specimen_is_not_taken_off_with_the_pattern(kind):
    """Else sharp detail of it would be imprinted on blurred planes."""
    for seed in range(1):
        stack = clean("discs", seed=seed)
        pattern = KINDS[kind](seed)
        found = look(with_pattern(stack, pattern, 0.02))
        specimen = np.mean([finest(plane.astype(np.float32)) for plane in stack], axis=0)
        wrong = finest(found.values) - finest((0.02 * np.ptp(stack) * pattern).astype(np.float32))
        assert abs(np.corrcoef(wrong.ravel(), specimen.ravel())[0, 1]) < 0.5
        assert np.abs(wrong).mean() < 0.4 * np.abs(finest(found.values)).mean()


@pytest.mark.parametrize(
    ("dtype", "is_gain", "channels"),
    [
        *(("uint8", True, None), ("uint8", False, 3), ("uint16", False, None)),
        *(("uint16", True, 3), ("float32", True, None)),
    ],
)
def test_any_dtype_and_colour(dtype, is_gain, channels):
    stack = clean(dtype=dtype, channels=channels)
    assert look(stack) is None
    found = look(with_pattern(stack, pixels(5), 0.03, is_gain=is_gain))
    assert found is not None
    assert found.values.shape == SHAPE
    assert "stands still on the sensor" in found.notes[0]


@pytest.mark.parametrize(("planes", "noisy"), [(3, False), (5, True), (12, False)])
@pytest.mark.parametrize("scene", SCENES)
def test_specimens_and_noise_are_no_pattern(scene, planes, noisy):
    stack = make_stack(scene, SHAPE, planes=planes, noisy=noisy, seed=planes).stack
    assert look(stack) is None


def test_few_tiles_that_are_alike_by_chance_are_no_pattern():
    assert look(make_stack("bumps", SHAPE, planes=12, noisy=False, seed=4).stack) is None


@pytest.mark.parametrize(
    "stack",
    [
        np.zeros((5, 96, 96), np.uint8),
        np.full((5, 96, 96), np.nan, np.float32),
        np.zeros((5, 20, 200), np.uint16),
        np.random.default_rng(0).normal(0, 1, (6, 96, 96)).astype(np.float32),
        np.broadcast_to(np.arange(96.0, dtype=np.float32), (5, 96, 96)),
    ],
    ids=["blank", "NaN", "narrow", "noise alone", "slope"],
)
def test_stacks_without_any_detail(stack):
    assert look(stack) is None


@pytest.mark.parametrize("value", [0, 60, 255])
def test_borders_of_one_value_that_grow_are_no_lines(value):
    """As of frames that were moved: where they begin, rows differ anew in each plane."""
    for seed in range(3):
        padded = clean(noisy=True, seed=seed)
        for z, plane in enumerate(padded):
            plane[:, : 3 * z + 1] = plane[: 6 * z + 1] = value
        assert look(padded) is None


def test_borders_that_are_infinite_are_no_lines():
    padded = clean(dtype="float32", noisy=True)
    for z, plane in enumerate(padded):
        plane[: 3 * z + 2] = np.inf
    assert look(padded) is None


def test_two_planes_tell_nothing():
    stack = with_pattern(clean(planes=2), pixels(0), 0.03)
    assert look(stack) is None


def test_a_scratch_is_found_where_it_is():
    stack, scratch = clean(dtype="uint16"), np.zeros(SHAPE)
    scratch[:, 90:92] = 10
    found = look(with_pattern(stack, scratch, 0.03))
    assert found is not None
    assert found.coverage < 0.6
    assert np.abs(found.values[:, 85:97]).max() > 20 * np.abs(found.values[:, 140:]).max()


class Counted(Stack):
    """A stack that counts how often its planes are read."""

    def __init__(self, data):
        self.shape, self.dtype, self._data, self.count = data.shape, data.dtype, data, 0

    def plane(self, z):
        self.count += 1
        return self._data[z]


def test_few_planes_are_read_unless_there_is_a_pattern():
    stack = clean(planes=30)
    counted = Counted(stack)
    assert look(counted) is None
    assert counted.count <= 10 + 2  # two for the range of grey
    spoilt = Counted(with_pattern(stack, pixels(0), 0.03))
    assert look(spoilt) is not None
    assert spoilt.count <= 4 * 10 + 2


def test_the_pattern_comes_off_as_strong_as_a_plane_shows_it():
    stack, pattern = clean(dtype="float32"), (pixels(1) * 0.03).astype(np.float32)
    found = look(stack + pattern)
    assert found is not None
    to_grey = GreyConverter(stack_of_arrays(stack), "auto")

    def corrected(plane):
        grey = to_grey(plane)
        with Workers(2) as workers:
            run_to_end(PatternRemoval(found, to_grey.range, workers).iter_correct(grey, 4))
        return grey / to_grey.range.scale

    there = finest(pattern).std()
    for strength in (0.7, 1.0, 1.3):  # a gain shows more of it in brighter planes
        left = corrected(stack[4] + np.float32(strength) * pattern) - corrected(stack[4])
        assert finest(left).std() < 0.4 * strength * there
    saturated = corrected(np.full(SHAPE, 1.0, np.float32))
    assert finest(saturated).std() < 0.1 * there, "where it is not recorded, none is taken off"


def test_what_is_left_spans_as_many_grey_levels_as_a_clean_stack():
    stack = clean(dtype="uint16")
    found = look(with_pattern(stack, pixels(2), 0.03))
    whole = GreyConverter(stack_of_arrays(stack), "auto").range
    wider = GreyConverter(stack_of_arrays(with_pattern(stack, pixels(2), 0.03)), "auto").range
    assert wider.scale < 0.97 * whole.scale
    assert found.grey_range.scale == pytest.approx(whole.scale, rel=0.02)
    grey = np.full(SHAPE, 100, np.float32)
    blank = replace(found, values=np.zeros(SHAPE, np.float32))
    with Workers(2) as workers:
        run_to_end(PatternRemoval(blank, wider, workers).iter_correct(grey, 0))
    value = 100 / wider.scale + wider.black
    np.testing.assert_allclose(
        grey, (value - found.grey_range.black) * found.grey_range.scale, rtol=1e-4
    )


def fibres(period_px, bent_px=0.0):
    """Return the bright cores of a bundle of fibres, bent so far from place to place."""
    bent = np.stack([ndimage.gaussian_filter(noise(SHAPE, seed), 14) for seed in (1, 2)])
    down, along = np.indices(SHAPE) + bent_px * bent / bent.std()
    turns = 0.3 + np.pi / 3 * np.arange(3)
    waves = [np.cos(2 * np.pi / period_px * (along * np.cos(t) + down * np.sin(t))) for t in turns]
    return np.sum(waves, axis=0) / 1.2


SOFT = pytest.mark.parametrize(
    ("scene", "period_px", "noisy"), [("bumps", 8, False), ("weak_texture", 6, True)]
)


@SOFT
def test_patterns_as_soft_as_a_specimen_are_found_where_tiles_show_them_evenly(
    scene, period_px, noisy
):
    stack, pattern = clean(scene, noisy=noisy, planes=9, seed=7), fibres(period_px, bent_px=8)
    assert look(stack) is None
    found = look(with_pattern(stack, pattern, 0.03))
    assert found is not None
    assert found.waves is None
    assert np.corrcoef(found.values.ravel(), pattern.ravel())[0, 1] > 0.7


@SOFT
def test_a_regular_bundle_of_fibres_is_three_waves(scene, period_px, noisy):
    stack = clean(scene, noisy=noisy, planes=9, seed=7)
    found = look(with_pattern(stack, fibres(period_px), 0.03))
    assert len(found.waves.waves) == 3
    assert found.waves.waves[0].length_px == pytest.approx(period_px, rel=0.05)
    assert 0.025 < found.waves.strength < 0.045  # of the middle plane, which is blurred in part
    assert found.values is None or found.strength < 0.01


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_change_nothing(threads):
    stack = with_pattern(clean(), pixels(3), 0.02)
    np.testing.assert_array_equal(look(stack, threads).values, look(stack, 2).values)


def test_blank_and_masked_parts_do_not_count():
    stack = with_pattern(clean(dtype="uint16"), pixels(2), 0.03)
    stack[3] = 0
    stack[5, 80:] = 0
    found = look(stack)
    assert found is not None
    assert found.coverage > 0.9


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_plane_among_few_hides_no_pattern(value):
    stack = with_pattern(clean(planes=5), columns(2), 0.03)
    stack[3] = value
    found = look(stack)
    assert found is not None
    assert found.kind == "columns"
    assert found.banding is None


@pytest.mark.parametrize("stands_still", [True, False])
@pytest.mark.parametrize("differs_anew", [True, False])
@pytest.mark.parametrize("is_turned", [True, False])
def test_a_pattern_comes_off_a_part_as_off_the_whole(stands_still, differs_anew, is_turned):
    rng = np.random.default_rng(0)
    height, width = 608, 96
    values = rng.normal(size=(height, width)).astype(np.float32) if stands_still else None
    rows, columns = (rng.normal(size=(3, side)).astype(np.float32) for side in (height, width))
    pattern = FixedPattern(values, 0.1, 1.0, Banding(columns, rows, 10.0) if differs_anew else None)
    transforms = np.tile(np.eye(2, 3), (3, 1, 1))
    if is_turned:
        transforms[1] = [[1.0113, 0.0217, -2.513], [-0.0191, 0.9937, 4.507]]
    whole = rng.normal(100, 5, (height, width)).astype(np.float32)
    part = slice(32, 592), slice(0, width)  # of whole tiles of strengths
    found = []
    with Workers(2) as workers:
        for window in (slice(0, height), slice(0, width)), part:
            removal = PatternRemoval(pattern, GreyRange(0, 2.0), workers, transforms, window)
            grey = whole[window].copy()
            run_to_end(removal.iter_correct(grey, 1))
            found.append(grey)
    inner = slice(40, 500)
    assert (found[1] != whole[part]).any() == (stands_still or differs_anew)
    np.testing.assert_allclose(found[1][inner], found[0][part][inner], atol=1e-3)


def test_no_map_of_a_pattern_is_made_for_each_plane():
    rng = np.random.default_rng(0)
    height, width = 16_384, 64
    rows = rng.normal(size=(2, height)).astype(np.float32)
    pattern = FixedPattern(None, 0.0, 0.0, Banding(None, rows, 10.0))
    grey = rng.normal(size=(height, width)).astype(np.float32)
    with Workers(2) as workers:
        removal = PatternRemoval(pattern, GreyRange(0, 2.0), workers)
        tracemalloc.start()
        run_to_end(removal.iter_correct(grey, 1))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < grey.nbytes / 2
