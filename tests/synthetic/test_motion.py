import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.synthetic import (
    Motion,
    RenderConfig,
    Sensor,
    render_moving_stack,
    spline_of,
)
from napari_umis_fusion.synthetic._sensor import hot_pixels, shading

SHAPE = (96, 128)
CENTRE = (47.5, 63.5)
# No rounding, and blurred so that pixels hold all there is and a plane can be resampled.
SMOOTH = RenderConfig(planes=5, dtype="float32", base_blur_px=1.0)
NOISY = replace(SMOOTH, photon_electrons=500.0, read_electrons=2.0)
INSIDE = np.s_[10:-10, 10:-10]


@cache
def rendered(motion, config=SMOOTH, name="bumps", channels=None):
    return render_moving_stack(name, SHAPE, motion, config, channels)


def placed(transforms, point):
    return transforms[:, :, :2] @ np.array(point) + transforms[:, :, 2]


def back_in_place(moving, z):
    transform = moving.transforms[z]
    return scipy.ndimage.affine_transform(moving.stack[z], transform[:, :2], transform[:, 2])


# --- transforms


def test_planes_without_motion_lie_on_one_another():
    transforms = Motion(flicker=0.3, seed=4).transforms(7, SHAPE)
    np.testing.assert_array_equal(transforms, np.tile(np.eye(2, 3), (7, 1, 1)))
    assert transforms.dtype == np.float64


@pytest.mark.parametrize("planes", [1, 2, 5, 6])
def test_the_middle_plane_is_the_reference_frame(planes):
    motion = Motion(0.1, (5.0, -3.0), 4.0, jitter_px=2.0)
    transforms = motion.transforms(planes, SHAPE)
    still = [np.array_equal(transform, np.eye(2, 3)) for transform in transforms]
    assert still == [z == planes // 2 for z in range(planes)]


@pytest.mark.parametrize("motion", [Motion(breathing=0.1), Motion(rotation_deg=20)])
def test_breathing_and_rotation_leave_the_centre_in_place(motion):
    transforms = motion.transforms(5, SHAPE)
    np.testing.assert_allclose(placed(transforms, CENTRE), [CENTRE] * 5, atol=1e-9)
    moved = placed(transforms, (0, 0)) - placed(transforms, (0, 0))[2]
    assert np.all(np.hypot(*moved[[0, 1, 3, 4]].T) > 1)


@pytest.mark.parametrize("planes", [5, 6])
def test_motion_is_linear_and_as_far_as_asked(planes):
    above = (CENTRE[0] - 40, CENTRE[1])  # 40 px above the centre
    size = np.linalg.norm(
        placed(Motion(breathing=0.1).transforms(planes, SHAPE), above) - CENTRE, axis=1
    )
    np.testing.assert_allclose(np.diff(size), 40 * 0.1 / (planes - 1))
    drift = placed(Motion(drift_px=(8.0, -4.0)).transforms(planes, SHAPE), above)
    np.testing.assert_allclose(np.diff(drift[:, 0]), 8 / (planes - 1))
    np.testing.assert_allclose(np.diff(drift[:, 1]), -4 / (planes - 1))
    turned = placed(Motion(rotation_deg=10).transforms(planes, SHAPE), above) - CENTRE
    # Counter-clockwise as displayed: what is above goes to the left.
    angle = np.rad2deg(np.arctan2(-turned[:, 1], -turned[:, 0]))
    np.testing.assert_allclose(np.diff(angle), 10 / (planes - 1))


def test_jitter_has_the_spread_asked_for_and_a_seed():
    shifts = Motion(jitter_px=0.7, seed=3).transforms(400, SHAPE)[:, :, 2]
    assert shifts.std(0) == pytest.approx(0.7, rel=0.1)
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.15
    again, other = (Motion(jitter_px=0.7, seed=s).transforms(400, SHAPE) for s in (3, 4))
    np.testing.assert_array_equal(again[:, :, 2], shifts)
    assert np.all(other[:200, :, 2] != shifts[:200])


# --- where the content of the planes lies


@pytest.mark.parametrize("config", [SMOOTH, NOISY, RenderConfig(planes=5)])
def test_without_motion_the_stack_is_its_twin(config):
    moving = rendered(Motion(), config)
    np.testing.assert_array_equal(moving.stack, moving.twin.stack)
    assert moving.stack.std() > 0.05


def test_a_drift_of_whole_pixels_moves_the_planes_by_whole_pixels():
    moving = rendered(Motion(drift_px=(8.0, -4.0)))
    for z, plane in enumerate(moving.stack):
        twin = np.roll(moving.twin.stack[z], (2 * (z - 2), -(z - 2)), (0, 1))
        np.testing.assert_allclose(plane[INSIDE], twin[INSIDE], atol=1e-5)


@pytest.mark.parametrize(
    "motion",
    [
        Motion(drift_px=(7.3, -4.1)),
        Motion(breathing=0.08),
        Motion(rotation_deg=4),
        Motion(jitter_px=1.5, seed=1),
        Motion(0.05, (-3.0, 5.0), -3.0, 0.6),
    ],
    ids=lambda motion: repr(motion)[:60],
)
@pytest.mark.parametrize("name", ["bars"])
def test_the_transforms_bring_the_planes_back_onto_their_twins(name, motion):
    moving = rendered(motion, name=name)
    for z in (0, 1, 3, 4):
        twin = moving.twin.stack[z][INSIDE]
        error = np.abs(back_in_place(moving, z)[INSIDE] - twin)
        unmoved = np.abs(moving.stack[z][INSIDE] - twin)
        assert error.max() < 0.006
        assert unmoved.mean() > 20 * error.mean()


@pytest.mark.parametrize("cycles_per_px", [0.1, 0.3, 0.48])
@pytest.mark.parametrize("shift_px", [0, 1 / 6, 1 / 2])  # 1/6: half-way between two points
def test_moving_costs_no_sharpness(cycles_per_px, shift_px):
    """A wave as fine as pixels can hold keeps its contrast, and goes where it should."""
    sensor = Sensor((3, 60), (4, 4))
    x = (np.arange(3 * 68) - 1) / 3 - 4  # of the points, in pixels of the plane
    wave = np.cos(2 * np.pi * cycles_per_px * x)
    spline = spline_of(np.tile(wave, (33, 1)).astype(np.float32))
    seen = sensor.sample(spline, np.array([[1, 0, 0], [0, 1, shift_px]]))[1]
    box = np.sinc(cycles_per_px) / np.sinc(cycles_per_px / 3)  # contrast of averages of 3 points
    expected = box * np.cos(2 * np.pi * cycles_per_px * (np.arange(60) - shift_px))
    np.testing.assert_allclose(seen, expected, atol=0.003)


def test_what_moves_into_view_is_what_a_larger_sensor_sees_there():
    """Without defocus the scene is one photograph about the same centre, whatever its size."""
    config = replace(SMOOTH, slope_px_per_plane=0.0)
    moving = rendered(Motion(drift_px=(40.0, -24.0)), config)
    larger = render_moving_stack("bumps", (136, 152), Motion(), config, None).twin.stack
    np.testing.assert_allclose(moving.twin.stack[0], larger[0][20:-20, 12:-12], atol=1e-5)
    np.testing.assert_allclose(moving.stack[0], larger[0][40:, :-24], atol=1e-5)
    np.testing.assert_allclose(moving.stack[4], larger[4][:-40, 24:], atol=1e-5)


# --- the truth


@pytest.mark.parametrize("name", ["bumps", "discs"])
def test_the_planes_of_the_twin_show_the_truth_where_they_are_in_focus(name):
    twin = rendered(Motion(0.05, (9.0, 4.0), 2.0), name=name).twin
    error, off = (
        np.abs(planes - truth)
        for planes, truth in (
            (twin.stack, twin.all_in_focus),
            (np.arange(5)[:, None, None], twin.sub_plane_map),
        )
    )
    for z in range(5):
        if np.any(off[z] < 0.1):
            assert np.median(error[z][off[z] < 0.1]) < 0.001
        assert np.median(error[z][off[z] >= 1.5]) > 0.003


def test_depths_are_not_averaged_across_edges():
    depths = rendered(Motion(rotation_deg=5), name="discs").twin.sub_plane_map
    assert set(np.unique(depths)) == {0, 2, 3, 4}  # 0, 0.4, 0.7 and 1 of the way
    assert depths.dtype == np.float32


def test_the_truth_has_no_noise_and_no_trouble_with_light():
    plain = rendered(Motion()).twin
    motion = Motion(flicker=0.2, fading=0.5, vignetting=0.6, dust_spots=9, hot_pixels=50)
    rough = rendered(motion, NOISY)
    np.testing.assert_array_equal(rough.twin.all_in_focus, plain.all_in_focus)
    noise = rough.twin.stack - plain.stack
    assert 0.01 < noise.std() < 0.05
    assert abs(noise.mean()) < 0.001


# --- light


def test_flicker_and_fading_are_the_gains_of_the_planes():
    moving = rendered(Motion(flicker=0.1, fading=0.3))
    assert moving.gains.shape == (5,)
    assert moving.gains.std() > 0.03
    np.testing.assert_allclose(
        moving.stack, moving.twin.stack * moving.gains[:, None, None], rtol=1e-5
    )


def test_fading_takes_its_share_by_the_last_plane():
    np.testing.assert_allclose(Motion(fading=0.4).gains(5), [1, 0.9, 0.8, 0.7, 0.6])
    np.testing.assert_array_equal(Motion(fading=0.4).gains(1), [1])


def test_flicker_has_the_spread_asked_for_is_never_negative_and_has_a_seed():
    gains = Motion(flicker=0.1).gains(1000)
    assert gains.mean() == pytest.approx(1, abs=0.02)
    assert gains.std() == pytest.approx(0.1, rel=0.1)
    assert Motion(flicker=1).gains(1000).min() == 0
    assert np.all(Motion(flicker=0.1, seed=1).gains(1000) != gains)
    jitter = Motion(jitter_px=1).transforms(500, SHAPE)[:, :, 2].ravel()
    assert abs(np.corrcoef(gains, jitter)[0, 1]) < 0.1


@pytest.mark.parametrize("shape", [(31, 31), (30, 44), (1, 9), (1, 1)])
def test_vignetting_darkens_outwards_to_its_share_in_the_corners(shape):
    light = shading(shape, 0.4, 0, 0)
    if max(shape) > 1:
        assert light[[0, 0, -1, -1], [0, -1, 0, -1]] == pytest.approx([0.6] * 4)
    middle = shape[0] // 2, shape[1] // 2
    assert light[middle] == light.max() > 0.99
    assert np.all(np.diff(light[middle[0], middle[1] :]) < 0)
    np.testing.assert_array_equal(shading(shape, 0, 0, 0), np.ones(shape))


@pytest.mark.parametrize("still", [{"vignetting": 0.5}, {"dust_spots": 6}])
def test_shading_stands_still_while_the_image_moves(still):
    motion = Motion(drift_px=(8.0, -8.0), breathing=0.03)
    plain, shaded = rendered(motion), rendered(replace(motion, **still))
    ratio = shaded.stack / np.maximum(plain.stack, 1e-3)
    bright = plain.stack > 0.05
    expected = shading(SHAPE, still.get("vignetting", 0), still.get("dust_spots", 0), 0)
    np.testing.assert_allclose(ratio[bright], np.broadcast_to(expected, ratio.shape)[bright], 1e-3)
    np.testing.assert_array_equal(shaded.twin.stack, plain.twin.stack)


def test_dust_is_soft_dark_and_counted():
    light = shading((200, 200), 0, 5, seed=0)
    _, spots = scipy.ndimage.label(light < 0.9)
    assert 3 <= spots <= 5  # some may overlap or lie on the border
    assert 0.1 < light.min() < 0.8
    assert light.max() <= 1
    assert np.abs(np.diff(light, axis=0)).max() < 0.2
    assert np.any(shading((200, 200), 0, 5, seed=1) != light)


@pytest.mark.parametrize(
    ("config", "white"),
    [
        (replace(NOISY, full_scale=3.0, offset=1.0), 4.0),
        (RenderConfig(5, dtype="uint16", full_scale=900.6, photon_electrons=100.0), 901),
    ],
)
def test_hot_pixels_are_white_in_every_plane_at_the_same_places(config, white):
    motion = Motion(drift_px=(8.0, 8.0), fading=0.5, vignetting=0.5)
    plain = rendered(motion, config, channels=2)
    hot = rendered(replace(motion, hot_pixels=40), config, channels=2)
    places = hot_pixels(SHAPE, 40, 0)
    assert places.sum() == 40
    assert np.all(hot.stack[:, places] == white)
    np.testing.assert_array_equal(hot.stack[:, ~places], plain.stack[:, ~places])
    assert np.mean(plain.stack[:, places] == white) < 0.05
    np.testing.assert_array_equal(hot.twin.stack, plain.twin.stack)


def test_hot_pixels_have_a_seed():
    assert np.any(hot_pixels(SHAPE, 40, 0) != hot_pixels(SHAPE, 40, 1))


# --- pixels


def test_a_pixel_is_the_average_of_its_points_and_its_depth_one_of_theirs():
    sensor = Sensor((2, 3), (1, 2))
    assert sensor.scene_shape == (12, 21)
    points = np.random.default_rng(0).random((12, 21, 2), np.float32)
    block = points[3:6, 9:12]  # of pixel (0, 1)
    np.testing.assert_allclose(sensor.mean_binned(points)[0, 1], block.mean((0, 1)), rtol=1e-6)
    assert sensor.median_binned(points[..., 1])[0, 1] == np.median(block[..., 1])
    still = sensor.sample(spline_of(points), np.eye(2, 3))
    np.testing.assert_allclose(still, sensor.mean_binned(points), atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float64"])
@pytest.mark.parametrize("channels", [None, 2])
def test_dtype_and_channels_are_those_asked_for(dtype, channels):
    config = RenderConfig(planes=2, dtype=dtype)
    moving = render_moving_stack("discs", (20, 31), Motion(0.05), config, channels)
    for stack in (moving.stack, moving.twin.stack):
        assert stack.dtype == dtype
        assert stack.shape == (2, 20, 31, *([channels] if channels else []))
    assert moving.twin.all_in_focus.shape == moving.stack.shape[1:]
    assert moving.twin.sub_plane_map.shape == (20, 31)
    assert moving.transforms.shape == (2, 2, 3)


def test_the_recipe_says_how_a_scene_is_photographed_by_default():
    moving = render_moving_stack("fluorescence", (20, 31), Motion())
    assert (moving.stack.shape, moving.stack.dtype) == ((10, 20, 31), np.uint16)
    assert moving.twin.data_range == 4000


def test_equal_arguments_give_equal_stacks_and_other_seeds_do_not():
    motion = Motion(jitter_px=1, flicker=0.1, dust_spots=3, hot_pixels=9)
    first, again, moved, noise = (
        render_moving_stack("bars", (24, 33), replace(motion, seed=m), replace(NOISY, seed=n))
        for m, n in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    np.testing.assert_array_equal(first.stack, again.stack)
    np.testing.assert_array_equal(first.twin.stack, again.twin.stack)
    for other in (moved, noise):
        assert np.mean(first.stack != other.stack) > 0.9


# --- what is refused


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"breathing": 0.6}, "breathing=0.6; accepted is a number from -0.5 to 0.5"),
        ({"breathing": float("nan")}, "breathing=nan; accepted is"),
        ({"drift_px": 3.0}, "drift_px=3.0; accepted is a pair (rows, columns)"),
        ({"drift_px": (1.0, 2.0, 3.0)}, "accepted is a pair (rows, columns)"),
        ({"drift_px": (1.0, "2")}, "drift_px='2'; accepted is a number from -10000 to 10000 px"),
        ({"rotation_deg": 200}, "rotation_deg=200; accepted is a number from -180 to 180 °"),
        ({"jitter_px": -1.0}, "jitter_px=-1.0; accepted is a number from 0"),
        ({"flicker": -0.1}, "flicker=-0.1"),
        ({"fading": 1.5}, "fading=1.5; accepted is a number from 0 to 1"),
        ({"vignetting": -0.5}, "vignetting=-0.5; accepted is a number from 0 to 1"),
        ({"dust_spots": 1.5}, "dust_spots=1.5; accepted is a whole number"),
        ({"hot_pixels": -1}, "hot_pixels=-1; accepted is a whole number from 0"),
        ({"seed": -1}, "seed=-1; accepted is a whole number"),
    ],
)
def test_motions_out_of_bounds_say_what_is_accepted(options, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        Motion(**options)


@pytest.mark.parametrize(
    ("name", "motion", "config", "text"),
    [
        ("moon", Motion(), None, "the scene is 'moon'; accepted are bumps, discs"),
        ("bumps", Motion(), RenderConfig(haze=0.1), "haze of the config is 0.1; accepted is 0"),
        ("bumps", Motion(), RenderConfig(flicker=0.1), "set flicker and fading in Motion"),
        ("bumps", Motion(hot_pixels=401), None, "hot_pixels is 401, but a plane of (20, 20) has"),
        ("bumps", Motion(drift_px=(0.0, 90.0)), None, "give a smaller motion or a larger shape"),
    ],
)
def test_stacks_that_cannot_be_rendered_say_why(name, motion, config, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        render_moving_stack(name, (20, 20), motion, config)
