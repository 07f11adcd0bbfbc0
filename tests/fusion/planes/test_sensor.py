"""What the camera adds to each plane does not decide: fixed patterns and mosaics."""

import json
import re
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from napari_umis_fusion import fuse
from napari_umis_fusion.errors import AlignmentError, StackError
from napari_umis_fusion.fusion.planes import _sensor as module
from napari_umis_fusion.metrics import psnr
from napari_umis_fusion.preprocess._coarse_mosaic import QUAD_BAYER, X_TRANS
from napari_umis_fusion.preprocess.fixed_pattern import FixedPattern
from napari_umis_fusion.preprocess.illumination import Defects
from napari_umis_fusion.stack import stack_of_arrays
from napari_umis_fusion.synthetic import Motion, RenderConfig, make_stack, render_moving_stack

SHAPE = (160, 192)
FAST = {"focus_measure": "laplacian"}
NOTE = "stands still on the sensor"


def apart(one, other):
    """Return the share of pixels from planes that are more than one plane apart.

    Of pixels with detail: without any, each plane is as good as the others.
    """
    has_detail = other.focus_map > np.quantile(other.focus_map, 0.2)
    return float(np.mean(np.abs(one.index_map.astype(int) - other.index_map)[has_detail] > 1))


@cache
def rendered(channels=None, dtype="uint16"):
    """Return a surface that is textured everywhere, so that each pixel has a right plane.

    It is not to be changed, since all tests share it.
    """
    full = {"uint8": 250.0, "uint16": 30000.0, "float32": 1.0}[dtype]
    return make_stack(
        "bumps", SHAPE, planes=9, channels=channels, dtype=dtype, full_scale=full
    ).stack


@pytest.fixture(scope="module")
def clean():
    """Return the surface as it is fused without anything added to it."""
    return fuse(rendered())


def pattern_of(kind, seed=0):
    rng = np.random.default_rng(seed)
    size = {"columns": (1, SHAPE[1]), "rows": (SHAPE[0], 1), "pixels": SHAPE}[kind]
    return np.broadcast_to(rng.normal(0, 1, size), SHAPE)


def spoilt(stack, pattern, strength):
    shown = pattern if stack.ndim == 3 else pattern[..., None]
    values = stack + strength * np.ptp(stack.astype(float)) * shown
    if stack.dtype.kind == "f":
        return values.astype(stack.dtype)
    return np.clip(np.rint(values), 0, np.iinfo(stack.dtype).max).astype(stack.dtype)


@pytest.mark.parametrize(
    ("kind", "strength"),
    [
        *(("columns", 0.006), ("columns", 0.03), ("rows", 0.006), ("rows", 0.016)),
        *(("pixels", 0.006), ("pixels", 0.03)),
    ],
)
def test_a_fixed_pattern_does_not_decide(kind, strength, clean):
    result = fuse(spoilt(rendered(), pattern_of(kind), strength))
    assert apart(result, clean) < 0.012
    assert not any(NOTE in note for note in clean.notes)
    assert "fixed_pattern" not in clean.provenance


def test_what_was_found_is_told():
    result = fuse(spoilt(rendered(), pattern_of("columns"), 0.03), **FAST)
    assert any(
        note.startswith("a pattern of columns of 2") and NOTE in note for note in result.notes
    )
    told = result.provenance["fixed_pattern"]
    assert told["kind"] == "columns"
    assert 0.02 < told["strength"] < 0.04
    assert told["coverage"] == pytest.approx(1, abs=0.1)
    json.dumps(result.provenance)


def rows_anew(kind):
    rng, places = np.random.default_rng(6), np.arange(SHAPE[0])
    if kind == "noise":
        return rng.normal(0, 1, (9, SHAPE[0], 1))
    phases = rng.uniform(0, 2 * np.pi, (9, 1))
    return 1.4 * np.sin(2 * np.pi * places / 18 + phases)[..., None]


@pytest.mark.parametrize("kind", ["noise", "flicker"])
@pytest.mark.parametrize("measure", ["learned", "laplacian"])
def test_rows_that_differ_anew_in_each_plane_do_not_decide(kind, measure):
    stack = make_stack("discs", SHAPE, planes=9, channels=None, dtype="uint16", seed=1).stack // 2
    bad = np.clip(stack + 20000 + 1000 * rows_anew(kind), 0, 65535).astype(np.uint16)
    clean, result = (fuse(one, focus_measure=measure) for one in (stack + np.uint16(20000), bad))
    assert apart(result, clean) < 0.025
    assert any("rows differ anew in each plane" in note for note in result.notes)
    assert result.provenance["banding"]["rows"] > 0.01
    copied = fuse(bad, focus_measure=measure, blend="select")
    recorded = np.take_along_axis(bad, copied.source_map[None].astype(np.intp), 0)[0]
    np.testing.assert_array_equal(copied.all_in_focus, recorded)


@pytest.mark.parametrize("blend", ["select", "weighted"])
@pytest.mark.parametrize("verification", ["seams", "mode", "none"])
def test_values_stay_as_recorded(blend, verification):
    stack = spoilt(rendered(), pattern_of("pixels"), 0.02)
    result = fuse(stack, blend=blend, verification=verification, **FAST)
    assert any(NOTE in note for note in result.notes)
    if blend == "select":
        recorded = np.take_along_axis(stack, result.source_map[None].astype(np.intp), 0)[0]
        np.testing.assert_array_equal(result.all_in_focus, recorded)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_colour_and_other_dtypes(dtype):
    stack = rendered(channels=3, dtype=dtype)
    clean, result = fuse(stack), fuse(spoilt(stack, pattern_of("pixels", 3), 0.03))
    assert any(NOTE in note for note in result.notes)
    assert apart(result, clean) < 0.015


def test_in_planes_that_were_moved_the_pattern_is_that_of_the_sensor():
    config = RenderConfig(planes=9, dtype="uint16", full_scale=30000.0)
    moving = render_moving_stack(
        "bumps", SHAPE, Motion(drift_px=(6, -4), seed=2), config, channels=None
    )
    bad = spoilt(moving.stack, pattern_of("pixels", 4), 0.03)
    shift = {"transforms": moving.transforms, "align_border": "mask", "light": "none"}
    clean = fuse(moving.stack, **shift, **FAST)
    left = fuse(bad, **shift, **FAST)
    assert any(NOTE in note for note in left.notes)
    assert apart(left, clean) < 0.03


def test_a_blank_plane_and_a_pattern_at_once():
    stack = rendered()
    bad = spoilt(stack, pattern_of("pixels", 5), 0.02)
    bad[4] = 0
    kept = [0, 1, 2, 3, 5, 6, 7, 8]
    clean, result = fuse(stack[kept], **FAST), fuse(bad, **FAST)
    assert any(NOTE in note for note in result.notes)
    moved = np.abs(np.array(kept)[clean.index_map] - result.index_map.astype(int))
    assert np.mean(moved > 0) < 0.08
    assert np.mean(moved > 2) < 0.02


TINT = np.array((1, 0.55, 0.75))


def mosaic_of(colours):
    mosaic = colours[..., 1].copy()
    mosaic[..., ::2, ::2] = colours[..., ::2, ::2, 0]
    mosaic[..., 1::2, 1::2] = colours[..., 1::2, 1::2, 2]
    return mosaic


@pytest.fixture(scope="module")
def coloured():
    return (rendered(channels=3) * TINT).astype(np.uint16)


@pytest.mark.parametrize(
    ("measure", "blend"),
    [("learned", "select"), ("learned", "weighted"), ("laplacian", "weighted")],
)
def test_a_mosaic_is_fused_as_its_colours_are(measure, blend, coloured):
    options = {"focus_measure": measure, "blend": blend}
    mosaic, colour = mosaic_of(coloured), fuse(coloured, **options)
    result = fuse(mosaic, **options)
    assert any("Bayer mosaic" in note for note in result.notes)
    assert result.provenance["mosaic"] == "bayer"
    assert apart(result, colour) < 0.01
    expected = mosaic_of(colour.all_in_focus)
    assert psnr(result.all_in_focus.astype(float), expected.astype(float), data_range=30000) > 40


@pytest.mark.parametrize(("name", "layout"), [("quad-bayer", QUAD_BAYER), ("x-trans", X_TRANS)])
def test_mosaics_that_repeat_later_are_recognised(name, layout, coloured):
    places = tuple(axis % len(layout) for axis in np.indices(SHAPE))
    chosen = np.broadcast_to(layout[places], coloured.shape[:3])[..., None]
    mosaic = np.take_along_axis(coloured, chosen, 3)[..., 0]
    result = fuse(mosaic, **FAST)
    assert result.provenance["mosaic"] == name
    assert apart(result, fuse(coloured, **FAST)) < 0.02
    told = re.escape(f"multiples of {len(layout)} pixels")
    shifts = np.tile(np.eye(2, 3), (9, 1, 1))
    shifts[0, :, 2] = 2
    with pytest.raises(AlignmentError, match=told):
        fuse(mosaic, transforms=shifts, **FAST)


@pytest.mark.parametrize("seed", [0, 1])
def test_borders_between_planes_do_not_hide_in_a_pattern(seed, monkeypatch):
    """Even if it is known to the last bit, seams would follow the edges that it draws."""
    stack = make_stack("discs", SHAPE, planes=9, channels=3, noisy=False, seed=seed).stack
    exact = 0.03 * np.ptp(stack.astype(float)) * pattern_of("pixels", seed)

    def found(*_, **options):
        yield
        return FixedPattern(exact.astype(np.float32), 0.03, 1.0)

    clean, spoilt_stack = fuse(stack), spoilt(stack, pattern_of("pixels", seed), 0.03)
    monkeypatch.setattr(module, "iter_find_pattern", found)
    assert apart(fuse(spoilt_stack), clean) < 0.009


@pytest.fixture(scope="module")
def bright():
    """Return the surface on an offset, and as it is fused without anything added to it."""
    stack = rendered() // 2 + np.uint16(20000)
    return stack, fuse(stack)


@pytest.mark.parametrize("kind", ["fibre bundle", "scratches"])
def test_soft_patterns_and_marks_do_not_decide(kind, bright):
    (stack, clean), (rows, columns) = bright, np.indices(SHAPE)
    if kind == "scratches":
        away = [np.abs(rows - 0.4 * columns - start) for start in (-20, 40, 90)]
        pattern = -6 * np.exp(-(np.min(away, axis=0) ** 2))
    else:
        turns = 0.1 + np.pi / 3 * np.arange(3)
        waves = [np.cos(np.pi / 3 * (columns * np.cos(t) + rows * np.sin(t))) for t in turns]
        pattern = np.sum(waves, axis=0)
    result = fuse(spoilt(stack, pattern, 0.03))
    assert any(NOTE in note for note in result.notes)
    assert apart(result, clean) < 0.01


@pytest.mark.parametrize("is_still", [True, False])
def test_waves_do_not_decide(is_still, bright):
    (stack, clean), (rows, columns) = bright, np.indices(SHAPE)
    phases = np.random.default_rng(3).uniform(0, 6, (len(stack), 1, 1)) * (not is_still)
    wave = np.cos(0.7 * columns + 0.5 * rows + phases)
    result = fuse(spoilt(stack, wave, 0.03))
    where = NOTE if is_still else "lies elsewhere in each plane"
    assert any("waves 7.3 px long" in note and where in note for note in result.notes)
    assert result.provenance["waves"][0]["stands_still"] == is_still
    assert apart(result, clean) < 0.02


def test_whether_planes_are_a_mosaic_may_be_told(coloured):
    mosaic, grey = mosaic_of(coloured), rendered()
    assert not any("mosaic" in note for note in fuse(mosaic, mosaic="none", **FAST).notes)
    assert not any("mosaic" in note for note in fuse(grey, **FAST).notes)
    assert any("mosaic" in note for note in fuse(grey, mosaic="bayer", **FAST).notes)
    with pytest.raises(StackError, match=r"mosaic='bayer', but planes have 3 channels.*Leave"):
        fuse(coloured, mosaic="bayer", **FAST)


def test_a_mosaic_moves_by_even_numbers_of_pixels_only(coloured):
    mosaic = mosaic_of(coloured)
    transforms = np.repeat(np.eye(2, 3)[None], len(mosaic), 0)
    transforms[2, :, 2] = 4, -2
    assert any("mosaic" in note for note in fuse(mosaic, transforms=transforms, **FAST).notes)
    transforms[3, :, 2] = 1, 0
    with pytest.raises(
        AlignmentError, match=r"Bayer mosaic.*1 of them.*--align none.*--mosaic none"
    ):
        fuse(mosaic, transforms=transforms, **FAST)
    fuse(mosaic, transforms=transforms, mosaic="none", **FAST)


def test_alignment_follows_the_specimen_and_not_the_sensor():
    config = RenderConfig(planes=9, dtype="uint16", full_scale=30000.0)
    motion = Motion(drift_px=(6, -4), seed=2)
    moving = render_moving_stack("bumps", SHAPE, motion, config, channels=None)
    result = fuse(spoilt(moving.stack, pattern_of("pixels", 6), 0.03), align="translation", **FAST)
    np.testing.assert_allclose(result.alignment.transforms, moving.transforms, atol=0.3)
    assert any(NOTE in note for note in result.notes)


@pytest.mark.parametrize("noise", [0, 2, 8])
@pytest.mark.parametrize("sigma", [0.8, 1.5])
def test_a_specimen_that_is_sharp_in_all_planes_is_no_pattern(sigma, noise):
    rng = np.random.default_rng(0)
    truth = ndimage.gaussian_filter(rng.normal(0, 200, (96, 128)), sigma) + 120
    stack = (truth + rng.normal(0, noise, (12, 96, 128))).astype(np.float32)
    notes = fuse(stack, focus_measure="laplacian").notes
    assert not [note for note in notes if "stands still" in note]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32])
def test_filled_defects_are_rounded(dtype):
    """As all values are; cut off, they would be half a level too dark."""
    rng = np.random.default_rng(0)
    planes = rng.integers(90, 110, (2, 20, 30)).astype(dtype)
    mask = rng.random((20, 30)) < 0.2
    defects = Defects(mask, np.zeros_like(mask))
    filled = module._FilledStack.of(stack_of_arrays(planes), defects)
    wanted = defects.fill(planes[1].astype(np.float32))
    difference = filled.plane(1)[mask].astype(float) - wanted[mask]
    assert np.abs(difference).max() <= 0.5
    np.testing.assert_array_equal(filled.plane(1)[~mask], planes[1][~mask])
