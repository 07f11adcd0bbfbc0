"""Alignment finds what was moved, leaves alone what was not, and says so."""

import csv
import tracemalloc
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, gaussian_filter

from fuzz.harmless import FUZZ
from napari_umis_fusion import FusionConfig, fuse, iter_fuse
from napari_umis_fusion.alignment import (
    Alignment,
    align_with,
    apply,
    centre_of,
    compose,
    corners_of,
    inverse,
    iter_align,
)
from napari_umis_fusion.alignment._estimate import allowed_model
from napari_umis_fusion.alignment._links import MIN_LINK_PX
from napari_umis_fusion.alignment._transforms import identity, max_displacement_px
from napari_umis_fusion.errors import AlignmentError, StackFileError
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.preprocess import GreyConverter
from napari_umis_fusion.runtime import Progress, Workers, run_to_end
from napari_umis_fusion.stack import Calibration, Stack
from napari_umis_fusion.synthetic import SCENES, Motion, RenderConfig, render_moving_stack

SHAPE = (208, 256)
PLANES = 6


@cache
def rendered(motion, scene="bumps", **options):
    """Return a stack that moves, not to be changed: rendering takes longer than aligning."""
    noisy = replace(SCENES[scene].noisy, planes=PLANES, flicker=0, haze=0, base_blur_px=0.8)
    return render_moving_stack(scene, SHAPE, motion, replace(noisy, **options), channels=None)


def align(stack, mode="auto", calibration=None, **options):
    with Workers() as workers:
        config = FusionConfig(align=mode, **options)
        return run_to_end(iter_align(as_stack(stack, calibration=calibration), config, workers))


def error_px(alignment, truth):
    """Return how far the worst corner, or the centre, of a plane is from where it should be."""
    back = inverse(truth[alignment.reference])
    points = np.vstack([corners_of(SHAPE), centre_of(SHAPE)])
    return max(
        np.hypot(*(apply(found, points) - apply(compose(true, back), points)).T).max()
        for found, true in zip(alignment.transforms, truth, strict=True)
    )


MOTIONS = {
    "drift": (Motion(drift_px=(7, -5)), "translation"),
    "jitter": (Motion(jitter_px=1.5, seed=3), "translation"),
    "breathing": (Motion(breathing=0.05), "similarity"),
    "rotation": (Motion(rotation_deg=2), "similarity"),
    "everything": (
        Motion(
            breathing=0.04,
            drift_px=(4, 6),
            rotation_deg=0.8,
            jitter_px=1,
            flicker=0.1,
            vignetting=0.3,
            dust_spots=6,
            hot_pixels=10,
        ),
        "similarity",
    ),
}


@pytest.fixture(scope="module")
def moving():
    return {name: rendered(motion) for name, (motion, _) in MOTIONS.items()}


@pytest.mark.parametrize("name", MOTIONS)
def test_auto_finds_the_motion(name, moving):
    alignment = align(moving[name].stack)
    assert alignment.model == MOTIONS[name][1]
    assert error_px(alignment, moving[name].transforms) < 0.5
    assert alignment.reference == PLANES // 2
    assert len(alignment.moved) == PLANES - 1
    rows = alignment.planes
    assert all(row.agreement_after > row.agreement_before for row in rows if row.is_moved)


@pytest.mark.parametrize("scene", ["discs", "bars", "weak_texture"])
def test_other_scenes(scene):
    stack = rendered(Motion(breathing=0.03, drift_px=(3, 4), jitter_px=1), scene)
    assert error_px(align(stack.stack), stack.transforms) < 0.8


@pytest.mark.parametrize(
    ("scene", "mode"),
    [(scene, "auto") for scene in ("bumps", "discs", "weak_texture", "fluorescence")]
    + [("bumps", "affine")],
)
def test_what_lies_right_stays_as_it_is(scene, mode):
    stack = rendered(Motion(), scene).stack
    alignment = align(stack, mode)
    assert alignment.model == "none"
    assert not alignment.is_needed
    assert all(np.array_equal(one, np.eye(2, 3)) for one in alignment.transforms)


def test_fused_it_stays_as_it_is():
    stack = rendered(Motion()).stack
    result, plain = (
        fuse(stack, align=mode, focus_measure="laplacian") for mode in ("auto", "none")
    )
    assert np.array_equal(result.all_in_focus, plain.all_in_focus)


@pytest.mark.parametrize("mode", ["translation", "similarity", "affine"])
def test_modes_that_are_asked_for(mode, moving):
    alignment = align(moving["drift"].stack, mode)
    assert alignment.model == mode
    assert error_px(alignment, moving["drift"].transforms) < 0.6


def test_microscopes_are_taken_for_telecentric(moving):
    microscope = Calibration(pixel_height_um=0.3, pixel_width_um=0.3)
    assert allowed_model("auto", microscope) == "translation"
    assert allowed_model("auto", Calibration(pixel_width_um=350)) == "similarity"
    assert allowed_model("similarity", microscope) == "similarity"
    alignment = align(moving["breathing"].stack, calibration=microscope)
    assert alignment.model in ("none", "translation")
    assert "only shifts were estimated" in alignment.summary()


@settings(FUZZ, max_examples=FUZZ.max_examples // 10)
@given(
    breathing=st.floats(-0.06, 0.06),
    rotation=st.floats(-2, 2),
    drift=st.tuples(st.floats(-10, 10), st.floats(-10, 10)),
    seed=st.integers(0, 1000),
)
def test_any_motion(breathing, rotation, drift, seed):
    stack = rendered(
        Motion(breathing=breathing, rotation_deg=rotation, drift_px=drift, seed=seed), planes=4
    )
    # Corners that move by less than that between planes may be taken for still, all over the stack.
    still = Alignment("none", 2, SHAPE, np.array([identity()] * 4), ())
    steps = [compose(b, inverse(a)) for a, b in pairwise(stack.transforms)]
    is_slow = max(max_displacement_px(step, SHAPE) for step in steps) < MIN_LINK_PX
    allowed = max(0.5, error_px(still, stack.transforms) + 0.1) if is_slow else 0.5
    assert error_px(align(stack.stack, "similarity"), stack.transforms) < allowed


def psnr(image, truth, span):
    return 10 * np.log10(span**2 / np.mean((image.astype(float) - truth) ** 2))


@pytest.mark.parametrize("name", ["drift", "breathing"])
def test_fused_it_is_as_good_as_if_nothing_had_moved(name, moving):
    twin, stack = moving[name].twin, moving[name].stack
    result = fuse(stack, align="auto", focus_measure="laplacian")
    truth = twin.all_in_focus[result.window]
    assert result.all_in_focus.shape == truth.shape
    still = fuse(twin.stack, focus_measure="laplacian").all_in_focus[result.window]
    ghosted = fuse(stack, focus_measure="laplacian").all_in_focus[result.window]
    aligned = psnr(result.all_in_focus, truth, twin.data_range)
    assert aligned > psnr(still, truth, twin.data_range) - 0.5
    assert aligned > psnr(ghosted, truth, twin.data_range) + 3


def test_mask_keeps_the_whole_of_the_reference_plane(moving):
    stack = moving["drift"].stack
    result = fuse(stack, align="auto", align_border="mask", focus_measure="laplacian")
    assert result.all_in_focus.shape == SHAPE
    alignment = result.alignment
    rows, columns = np.indices(SHAPE)
    for z in alignment.moved:
        points = apply(alignment.transforms[z], np.stack([rows, columns], axis=-1))
        outside = ((points < -1e-6) | (points > np.array(SHAPE) - 1 + 1e-6)).any(axis=-1)
        assert outside.any()
        assert not (result.index_map[outside] == z).any(), "a plane that shows nothing there"


def test_values_of_planes_moved_by_whole_pixels_are_copies():
    planes = np.random.default_rng(0).integers(0, 255, (3, 40, 50), np.uint8)
    transforms = np.tile(np.eye(2, 3), (3, 1, 1))
    transforms[2, :, 2] = 3, -2
    result = fuse(planes, transforms=transforms, focus_measure="laplacian", blend="select")
    rows, columns = result.window
    down, along = np.mgrid[rows, columns]
    for z, (by_rows, by_columns) in enumerate([(0, 0), (0, 0), (3, -2)]):
        here = result.source_map == z
        recorded = planes[z][down[here] + by_rows, along[here] + by_columns]
        assert np.array_equal(result.all_in_focus[here], recorded)
    assert result.alignment.moved == (2,)


def test_a_plane_without_detail_moves_with_its_neighbours(moving):
    stack = moving["drift"].stack.copy()
    stack[4] = 90
    alignment = align(stack)
    assert "blank: left out, and placed as plane 3" in alignment.planes[4].why
    truth = moving["drift"].transforms
    others = [z for z in range(PLANES) if z != 4]
    found = alignment.transforms[others][:, :, 2] - truth[others][:, :, 2]
    assert np.abs(found).max() < 0.6, "links over several planes bridge the gap"


@pytest.mark.parametrize("seed", range(2))
def test_planes_that_show_something_else_move_nothing_and_are_named(seed):
    rng = np.random.default_rng(seed)
    scene = gaussian_filter(rng.random((400, 500)), 1.2) * 2000
    here, elsewhere = scene[60:268, 60:316], scene[130:338, 60:316]
    for planes, said in (
        ([here, elsewhere, *[here] * 3], "of another place: left out, and placed as plane 0"),
        ([elsewhere, here], "a shift of 70 px is implausibly large"),
    ):
        stack = np.array(planes) + rng.normal(0, 8, (len(planes), *SHAPE))
        alignment = align(stack.astype(np.float32))
        assert not alignment.moved
        assert any(said in plane.why for plane in alignment.planes)


@pytest.mark.parametrize(
    "shape",
    [(3, 8, 9), (2, 40, 300), (1, 64, 64), (3, 64, 64), (3, 1, 50), (2, 1, 2500), (2, 2500, 3)],
)
def test_small_and_odd_stacks_do_no_harm(shape):
    planes = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    result = fuse(planes, align="translation", focus_measure="laplacian") if shape[0] > 1 else None
    if result is not None:
        assert result.all_in_focus.dtype == np.uint8
    assert not align(np.zeros(shape, np.uint8)).is_needed


def test_invalid_pixels_do_not_count(moving):
    stack = moving["drift"].stack.astype(np.float32)
    stack[:, 50:60, 80:100] = np.nan
    alignment = align(stack, nan_policy="ignore")
    assert error_px(alignment, moving["drift"].transforms) < 0.4


def test_colour_is_aligned_once_for_all_channels():
    config = replace(SCENES["bumps"].noisy, planes=4, flicker=0, haze=0, base_blur_px=0.8)
    moving = render_moving_stack("bumps", SHAPE, Motion(drift_px=(6, 2)), config, channels=3)
    result = fuse(moving.stack, align="auto", focus_measure="laplacian")
    assert result.all_in_focus.shape[2] == 3
    assert error_px(result.alignment, moving.transforms) < 0.3


# --- light and sensor


@pytest.fixture(scope="module")
def flickering():
    motion = Motion(flicker=0.1, jitter_px=1, seed=2)
    return rendered(motion, base_blur_px=1.0, photon_electrons=20_000.0)


def wrong(result, truth):
    """Return how many pixels are taken from a plane that is not the sharpest or next to it."""
    return np.mean(np.abs(result.index_map.astype(int) - truth[result.window]) > 1)


def test_flicker_does_not_decide(flickering):
    truth = flickering.twin.index_map
    lit, unlit = (
        fuse(flickering.stack, align="auto", light=light, focus_measure="laplacian")
        for light in ("auto", "none")
    )
    # Without an even light, planes that differ from those around are still scaled.
    assert max(wrong(lit, truth), wrong(unlit, truth)) < 0.03
    light = lit.provenance["illumination"]
    gains = np.array(light["gains"]) * [one.gain for one in lit.health]
    assert np.allclose(gains, flickering.gains / flickering.gains[light["reference"]], atol=0.01)
    assert any("lit unevenly" in note for note in lit.notes)


def test_values_stay_recorded_ones_unless_asked_for(flickering):
    truth = flickering.twin.all_in_focus
    recorded, lit = (
        fuse(flickering.stack, align="auto", light=light, focus_measure="laplacian")
        for light in ("measure", "output")
    )
    errors = []
    for result in (recorded, lit):
        true, image = truth[result.window].ravel(), result.all_in_focus.ravel().astype(float)
        gain = (image @ true) / (true @ true)  # that of the reference plane is as good as any
        errors.append(np.std(image - gain * true))
    assert errors[1] < 0.6 * errors[0]
    assert lit.all_in_focus.dtype == flickering.stack.dtype


@pytest.mark.parametrize("light", ["measure", "output"])
def test_even_light_changes_nothing(light):
    stack = rendered(Motion()).stack
    plain = fuse(stack, focus_measure="laplacian")
    looked = fuse(stack, light=light, focus_measure="laplacian")
    assert np.array_equal(plain.all_in_focus, looked.all_in_focus)
    assert np.array_equal(plain.index_map, looked.index_map)


def test_light_of_a_stack_whose_transforms_are_given(flickering):
    result = fuse(
        flickering.stack,
        transforms=flickering.transforms,
        light="measure",
        focus_measure="laplacian",
    )
    assert "illumination" in result.provenance


def test_hot_pixels_do_not_attract_the_decision():
    motion = Motion(hot_pixels=30, jitter_px=2)
    moving = rendered(motion, photon_electrons=20_000.0, slope_px_per_plane=2.0)
    looked, blind = (
        fuse(moving.stack, align="auto", light=light, focus_measure="laplacian")
        for light in ("measure", "none")
    )
    assert looked.provenance["defects"]["hot_or_dead_pixels"] >= 25
    near = binary_dilation((moving.stack == 255).all(axis=0), iterations=6)[looked.window]
    truth = moving.twin.index_map[looked.window]
    with_them, without = (
        np.mean(np.abs(result.index_map.astype(int) - truth)[near] > 1)
        for result in (blind, looked)
    )
    assert without < 0.7 * with_them


# --- what is told and kept


def test_progress_and_provenance(moving):
    events = list(iter_fuse(moving["drift"].stack, align="auto", focus_measure="laplacian"))
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert stages == sorted(stages, key=["aligning", "measuring", "verifying"].index)
    assert "aligning" in stages
    result = events[-1].result
    kept = result.provenance["alignment"]
    assert kept["model"] == "translation"
    assert np.allclose(kept["transforms"], result.alignment.transforms)
    assert any("5 of 6 planes were moved (translation)" in note for note in result.notes)


def test_without_alignment_nothing_is_said(moving):
    result = fuse(moving["drift"].stack, focus_measure="laplacian")
    assert result.alignment is None
    assert result.window is None
    assert "alignment" not in result.provenance


def test_it_can_be_abandoned_while_aligning(moving):
    events = iter_fuse(moving["drift"].stack, align="auto", focus_measure="laplacian")
    next(events)
    assert next(events).stage == "aligning"
    events.close()


def test_table_is_saved_and_used_again(moving, tmp_path):
    stack = moving["everything"].stack
    options = {"focus_measure": "laplacian", "light": "measure"}
    first = fuse(stack, align="auto", **options)
    path = first.alignment.save(tmp_path / "moved.csv")
    again = Alignment.load(path)
    assert np.array_equal(again.transforms, first.alignment.transforms)
    assert again.planes == first.alignment.planes
    assert (again.model, again.reference) == (first.alignment.model, first.alignment.reference)
    for transforms in (path, str(path), again, first.alignment.transforms):
        second = fuse(stack, transforms=transforms, **options)
        assert np.array_equal(second.all_in_focus, first.all_in_focus)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["z"]) for row in rows] == list(range(PLANES))
    assert rows[3]["why"] == "reference"


def test_table_that_went_through_a_spreadsheet(moving, tmp_path):
    """It writes TRUE for True and a mark before the first column, and rows may be sorted."""
    found = align(moving["drift"].stack)
    path = found.save(tmp_path / "t.csv")
    head, *rows = path.read_text("utf-8").splitlines()
    rows = [row.replace("True", "TRUE").replace("False", "FALSE") for row in reversed(rows)]
    path.write_text("\n".join([head, *rows]), "utf-8-sig")
    again = Alignment.load(path)
    assert np.array_equal(again.transforms, found.transforms)
    assert again.moved == found.moved
    path.write_text("\n".join([head, *rows[:2], *rows[3:]]), "utf-8")
    with pytest.raises(AlignmentError, match="not one for each plane"):
        Alignment.load(path)


def test_light_of_another_run_is_not_taken_over(flickering):
    other = fuse(flickering.stack, align="auto", focus_measure="laplacian").alignment
    assert other.light.illumination is not None
    even = flickering.twin.stack
    for light in ("auto", "none"):
        known = fuse(even, transforms=other, light=light, focus_measure="laplacian")
        assert known.alignment.light.is_plain
        assert "illumination" not in known.provenance


def test_light_is_corrected_in_the_grey_that_focus_is_measured_on():
    """A dark rim that alignment crops away changes which values are grey 0 to 255."""
    config = RenderConfig(planes=6, base_blur_px=0.8, dtype="uint16", photon_electrons=20_000.0)
    moving = render_moving_stack("bumps", SHAPE, Motion(drift_px=(12, 0)), config, channels=None)
    stack = moving.stack // 2 + 8000
    stack[:, :4] = 200
    stack[3:] = 200 + (stack[3:] - 200) * 0.7
    alignment = align(stack)
    placed = align_with(as_stack(stack), alignment, FusionConfig(align="auto"))
    to_grey = GreyConverter(placed, "auto")
    lighting = placed.lighting(to_grey.range)
    greys = {z: to_grey(placed.plane(z)) for z in (2, 3)}
    for z, grey in greys.items():
        lighting.correct(grey, z)
    means = [grey[20:-20, 20:-20].mean() for grey in greys.values()]
    assert means[1] == pytest.approx(means[0], rel=0.03)


def test_planes_that_are_in_place_take_no_transforms(moving):
    stack = as_stack(moving["drift"].stack)
    placed = align_with(stack, align(stack), FusionConfig())
    with pytest.raises(AlignmentError, match="aligned already"):
        fuse(placed, transforms=moving["drift"].transforms)


@pytest.mark.parametrize("text", ["", "z,why\n0,x\n", "no table at all", "\x00"])
def test_what_is_no_table_is_refused(text, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(AlignmentError, match=r"table\.csv: no table of transforms"):
        fuse(np.zeros((2, 8, 8), np.uint8), transforms=path)


def test_table_that_is_missing_or_cannot_be_written(tmp_path):
    with pytest.raises(AlignmentError, match="No such file"):
        Alignment.load(tmp_path / "missing.csv")
    with pytest.raises(StackFileError, match="cannot be written"):
        Alignment.given([np.eye(2, 3)], SHAPE).save(tmp_path / "no" / "folder.csv")


def test_table_of_another_stack_is_refused(moving, tmp_path):
    path = Alignment.given([np.eye(2, 3)] * 3, (8, 8)).save(tmp_path / "other.csv")
    with pytest.raises(AlignmentError, match="3 planes of 8 x 8 px, but the stack has 6"):
        fuse(moving["drift"].stack, transforms=path)


class Endless(Stack):
    """Planes made when they are read."""

    def __init__(self, planes):
        self.shape, self.dtype = (planes, 256, 320), np.dtype(np.uint8)
        noise = gaussian_filter(np.random.default_rng(0).random((256, 400)), 1.5)
        self._scene = (255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)

    def plane(self, z):
        return self._scene[:, z % 40 : z % 40 + 320].copy()


def test_memory_does_not_grow_with_the_planes():
    align(Endless(3))  # what is made once
    peaks = []
    for planes in (12, 24):
        tracemalloc.start()
        align(Endless(planes))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # What is measured on planes is kept, 20 kB of each; a plane has 80 kB, a grey one 330.
    assert peaks[1] - peaks[0] < 256 * 320 * 4, "not even one more grey plane"


def drifting(area, contrast, seed, *, camera_px=0, planes=7, step_px=6):
    """Return planes of a weak specimen, over which dark discs drift by `step_px` per plane."""
    rng = np.random.default_rng(seed)
    height, width, radius = 200, 260, 9
    ground = gaussian_filter(rng.normal(0, 1, (height, width + 100)), 2)
    ground = 120 + contrast * ground / ground.std()
    rows, columns = np.mgrid[:height, :width]
    count = round(area * height * width / (np.pi * radius**2))
    centres = [(rng.uniform(0, height), rng.uniform(-60, width)) for _ in range(count)]
    stack = []
    for z in range(planes):
        plane = gaussian_filter(ground, 0.4 + 0.25 * abs(z - planes // 2))
        plane = plane[:, camera_px * z : camera_px * z + width]
        disc = np.zeros((height, width))
        for y, x in centres:
            far = (rows - y) ** 2 + (columns - (x + step_px * z) % (width + 30)) ** 2
            disc[far < radius**2] = 1
        disc = gaussian_filter(disc, 1)
        stack.append(plane * (1 - disc) + 60 * disc + rng.normal(0, 2, disc.shape))
    return np.clip(stack, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("area", "seed", "contrast"), [(0.1, 0, 3), (0.2, 1, 25), (0.3, 0, 8), (0.3, 1, 3)]
)
def test_debris_that_drifts_over_a_still_specimen_moves_nothing(area, contrast, seed):
    alignment = align(drifting(area, contrast, seed))
    assert max(abs(row.shift_columns_px) for row in alignment.planes) < 1


@pytest.mark.parametrize("area", [0.0, 0.2])
def test_a_specimen_that_moves_is_followed_whatever_drifts_over_it(area):
    alignment = align(drifting(area, 25, 0, camera_px=3))
    found = [row.shift_columns_px for row in alignment.planes]
    np.testing.assert_allclose(found, [3 * (3 - z) for z in range(7)], atol=0.5)
