import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.synthetic import (
    SCENES,
    Layer,
    RenderConfig,
    Scene,
    demo_stack,
    make_scene,
    make_stack,
    render_stack,
)
from napari_umis_fusion.synthetic._defocus import blur_kernel, slabs

EXACT = RenderConfig(planes=4, dtype="float32")  # no rounding between light and grey value
SHAPE = (40, 53)


def texture(shape=SHAPE, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def flat(value, shape=SHAPE):
    return np.full(shape, value, np.float32)


def ramp(low, high, shape=SHAPE):
    return np.broadcast_to(np.linspace(low, high, shape[1], dtype=np.float32), shape)


def point(shape=SHAPE):
    light = flat(0, shape)
    light[shape[0] // 2, shape[1] // 2] = 1
    return light


# --- the blur of one point


@pytest.mark.parametrize("psf", ["disc", "gaussian"])
@pytest.mark.parametrize("radius", [0, 0.1, 0.5, 1, 2.3, 7])
def test_blur_kernel_keeps_light_is_symmetric_and_as_wide_as_asked(psf, radius):
    kernel = blur_kernel(psf, radius)
    n = kernel.shape[0] // 2
    offsets = np.arange(-n, n + 1)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel.min() >= 0
    for twin in (kernel[::-1], kernel[:, ::-1], kernel.T):
        np.testing.assert_allclose(kernel, twin, atol=1e-7)
    # The variance of a disc along an axis is r²/4; pixels add at most a quarter of a pixel each.
    variance = (kernel.sum(0) * offsets**2).sum()
    assert radius**2 / 4 * 0.9 <= variance <= radius**2 / 4 + 0.25


def test_disc_is_flat_inside_and_empty_outside():
    kernel = blur_kernel("disc", 6.0)
    distance = np.hypot(*np.mgrid[-6:7, -6:7])
    np.testing.assert_allclose(kernel[distance < 4.5], 1 / (np.pi * 36), rtol=0.02)
    assert kernel[distance > 7.5].max() == 0


def test_blur_grows_smoothly_with_the_radius():
    peaks = [blur_kernel("disc", r).max() for r in np.linspace(0, 3, 31)]
    assert np.all(np.diff(peaks) < 0)
    assert np.abs(np.diff(peaks)).max() < 0.1


# --- a layer


@pytest.mark.parametrize("psf", ["disc", "gaussian"])
@pytest.mark.parametrize("depth", [0, 1.5, -3])
def test_defocus_keeps_the_light(psf, depth):
    """A surface at one depth has the same sum in every plane: mirrored borders lose nothing."""
    rendered = render_stack(Scene.from_depth(texture(), depth), replace(EXACT, psf=psf))
    assert rendered.stack.sum((1, 2)) == pytest.approx(rendered.all_in_focus.sum(), rel=1e-5)


@pytest.mark.parametrize("depth", [0, 2, 3])
def test_the_plane_in_focus_equals_the_truth_and_no_other_does(depth):
    rendered = render_stack(Scene.from_depth(texture((31, 22, 3)), depth), EXACT)
    errors = np.abs(rendered.stack - rendered.all_in_focus).max((1, 2, 3))
    assert errors[depth] < 1e-5
    assert np.delete(errors, depth).min() > 0.1
    np.testing.assert_array_equal(rendered.index_map, depth)
    assert rendered.index_map.dtype == np.uint16


def test_a_plane_equals_direct_convolution_with_the_kernel():
    light = texture()
    rendered = render_stack(Scene.from_depth(light, 0), replace(EXACT, slope_px_per_plane=1.7))
    for z, plane in enumerate(rendered.stack):
        twin = scipy.ndimage.convolve(light, blur_kernel("disc", 1.7 * z), mode="reflect")
        np.testing.assert_allclose(plane, twin, atol=1e-5)


@pytest.mark.parametrize("depth", [ramp(0, 3), ramp(-2, 8), ramp(0, 3) * (ramp(0, 1) > 0.5)])
def test_a_flat_surface_stays_flat_at_any_depth(depth):
    """No seam where slabs meet, no rim where depth jumps, none at the image's border."""
    behind, before = Layer(flat(0.2), 0), Layer(flat(0.6), depth, flat(1))
    for scene in (Scene.from_depth(flat(0.6), depth), Scene((behind, before))):
        np.testing.assert_allclose(render_stack(scene, EXACT).stack, 0.6, atol=1e-5)


def test_slabs_share_every_pixel_between_neighbours_without_loss():
    cut = slabs(Layer(texture(), ramp(0.2, 5.7)), slope_px_per_plane=1.3)
    weights = np.array([weight for _, weight in cut])
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-6)
    assert np.diff([depth for depth, _ in cut]).max() * 1.3 <= 0.5
    np.testing.assert_allclose(sum(d * w for d, w in cut), ramp(0.2, 5.7), atol=1e-5)


def test_a_ramp_is_sharpest_where_its_depth_is_the_plane():
    rendered = render_stack(Scene.from_depth(texture((80, 160)), ramp(0, 3, (80, 160))), EXACT)
    detail = [
        scipy.ndimage.uniform_filter(scipy.ndimage.laplace(plane) ** 2, 15)
        for plane in rendered.stack
    ]
    off = np.abs(np.argmax(detail, axis=0) - rendered.sub_plane_map)
    assert off.mean() < 0.35  # rounding alone makes it 0.25


def test_a_base_blur_is_in_the_truth_and_in_the_plane_in_focus():
    scene = Scene.from_depth(texture(), 1)
    rendered = render_stack(scene, replace(EXACT, base_blur_px=1.2))
    np.testing.assert_allclose(rendered.stack[1], rendered.all_in_focus, atol=1e-5)
    twin = scipy.ndimage.gaussian_filter(texture(), 1.2, mode="reflect")
    np.testing.assert_allclose(rendered.all_in_focus, twin, atol=1e-5)


# --- occlusion


def occluding(front_value=0.9, back_value=0.3, half_width=9):
    cover = np.abs(np.arange(SHAPE[1]) - SHAPE[1] // 2) <= half_width
    front = Layer(flat(front_value), 3, np.broadcast_to(cover, SHAPE))
    return Scene((Layer(flat(back_value), 0), front)), cover


def test_an_opaque_foreground_in_focus_hides_the_background():
    scene, cover = occluding()
    rendered = render_stack(scene, EXACT)
    expected = np.broadcast_to(np.where(cover, 0.9, 0.3), SHAPE)
    np.testing.assert_allclose(rendered.stack[3], expected, atol=1e-5)
    np.testing.assert_allclose(rendered.all_in_focus, expected, atol=1e-6)


def test_the_foregrounds_blur_veils_the_background_in_focus():
    scene, cover = occluding()
    veil = render_stack(scene, EXACT).stack[0].mean(0)
    alpha = scipy.ndimage.convolve1d(
        cover.astype(float), blur_kernel("disc", 3.0).sum(0), mode="reflect"
    )
    np.testing.assert_allclose(veil, 0.3 + alpha * (0.9 - 0.3), atol=1e-4)
    outside = np.flatnonzero(~cover & (alpha > 0.01))
    assert len(outside) == 2 * 3  # three pixels on either side, although the truth is 0.3 there


def test_equal_colours_leave_no_dark_rim_at_an_occlusion():
    scene, _ = occluding(0.5, 0.5)
    np.testing.assert_allclose(render_stack(scene, EXACT).stack, 0.5, atol=1e-5)


def test_a_covered_texture_does_not_bleed_out_of_its_layer():
    """The colour of a layer where its opacity is 0 must never show."""
    scene, cover = occluding()
    front = scene.layers[1]
    garish = replace(front, texture=np.where(cover, front.texture, 0).astype(np.float32))
    expected = render_stack(scene, EXACT).stack
    got = render_stack(Scene((scene.layers[0], garish)), EXACT).stack
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_front_most_layer_names_the_depth():
    scene, cover = occluding()
    np.testing.assert_array_equal(scene.sub_plane_map()[0], np.where(cover, 3, 0))


def test_a_foreground_of_varying_depth_equals_itself_behind_no_background():
    cover = (texture() > 0.5).astype(np.float32)
    layer = Layer(texture(seed=1), ramp(0, 3), cover)
    black = Layer(flat(0), 0)
    white = Layer(flat(1), 0)
    on_black, on_white = (render_stack(Scene((b, layer)), EXACT).stack for b in (black, white))
    alpha = 1 - (on_white - on_black)
    assert alpha.min() > -1e-5
    assert alpha.max() < 1 + 1e-5
    assert np.all(on_black <= alpha + 1e-5)  # premultiplied light never exceeds its opacity


# --- fluorescence


def test_the_light_of_emitters_adds_up():
    layers = Layer(texture() / 3, ramp(0, 3)), Layer(texture(seed=1) / 3, 2)
    together = render_stack(Scene(layers, additive=True), EXACT)
    alone = [render_stack(Scene((layer,), additive=True), EXACT) for layer in layers]
    np.testing.assert_allclose(together.stack, sum(r.stack for r in alone), atol=1e-5)
    np.testing.assert_allclose(together.all_in_focus, sum(r.all_in_focus for r in alone), atol=1e-6)


def test_an_emitter_keeps_its_light_at_every_depth():
    layer = Layer(point((64, 64)), ramp(0, 6, (64, 64)))
    rendered = render_stack(Scene((layer,), additive=True), replace(EXACT, planes=7))
    assert rendered.stack.sum((1, 2)) == pytest.approx(1, abs=1e-4)


def test_the_brightest_emitter_names_the_depth():
    layers = Layer(flat(0.2), 1), Layer(point() / 2, 3)
    depth = Scene(layers, additive=True).sub_plane_map()
    np.testing.assert_array_equal(depth, np.where(point() > 0, 3, 1))


# --- camera


@pytest.mark.parametrize("level", [0.1, 0.4, 0.8])
def test_noise_has_the_variance_of_photons_and_of_reading(level):
    config = RenderConfig(
        planes=2, dtype="float32", photon_electrons=500, read_electrons=4, full_scale=1000
    )
    stack = render_stack(Scene.from_depth(flat(level, (200, 250)), 0), config).stack / 1000
    assert stack.mean() == pytest.approx(level, rel=0.005)
    assert stack.var() == pytest.approx(level / 500 + (4 / 500) ** 2, rel=0.04)
    correlation = np.corrcoef(stack[0].ravel(), stack[1].ravel())[0, 1]
    assert abs(correlation) < 0.03  # every plane has noise of its own


def test_the_truth_has_no_noise_flicker_haze_or_rounding():
    scene = Scene.from_depth(texture(), ramp(0, 3))
    rough = RenderConfig(4, photon_electrons=50, read_electrons=3, flicker=0.2, haze=0.3)
    clean = render_stack(scene, RenderConfig(4)).all_in_focus
    np.testing.assert_array_equal(render_stack(scene, rough).all_in_focus, clean)
    np.testing.assert_allclose(clean, texture() * 255, rtol=1e-6)


def test_flicker_scales_whole_planes():
    stack = render_stack(Scene.from_depth(flat(0.5), 0), replace(EXACT, planes=40, flicker=0.1))
    gains = stack.stack[:, 0, 0] / 0.5
    np.testing.assert_allclose(stack.stack, 0.5 * gains[:, None, None] * np.ones(SHAPE), rtol=1e-4)
    assert 0.07 < gains.std() < 0.14


def test_haze_is_smooth_grows_with_defocus_and_spares_the_plane_in_focus():
    stack = render_stack(Scene.from_depth(flat(0.5), 0), replace(EXACT, haze=0.2)).stack
    drift = np.abs(stack / 0.5 - 1)
    np.testing.assert_allclose(stack[0], 0.5, atol=1e-5)
    assert drift[3].max() > 0.05
    assert np.abs(np.diff(stack[3], axis=1)).max() < 0.02


@pytest.mark.parametrize(
    ("options", "black", "white"),
    [
        ({"dtype": "uint8"}, 0, 255),
        ({"dtype": "uint16"}, 0, 65535),
        ({"dtype": "uint16", "full_scale": 4000, "offset": 100}, 100, 4100),
        ({"dtype": "uint16", "offset": 5535}, 5535, 65535),
        ({"dtype": "float16"}, 0, 1),
        ({"dtype": "float32", "full_scale": 3, "offset": -2}, -2, 1),
        ({"dtype": "float64"}, 0, 1),
    ],
)
def test_black_and_white_land_where_the_dtype_and_the_options_say(options, black, white):
    light = ramp(0, 1)
    rendered = render_stack(Scene.from_depth(light, 0), RenderConfig(planes=1, **options))
    plane = rendered.stack[0]
    assert plane.dtype == options["dtype"]
    assert (plane.min(), plane.max()) == pytest.approx((black, white), abs=1e-5)
    assert rendered.data_range == white - black
    assert rendered.all_in_focus.dtype == np.float32
    np.testing.assert_allclose(
        rendered.all_in_focus, black + light * (white - black), rtol=1e-5, atol=1e-6
    )


def test_integers_are_rounded_and_saturate_instead_of_wrapping():
    config = RenderConfig(planes=1, photon_electrons=20, read_electrons=5)
    for level in (0, 1):
        plane = render_stack(Scene.from_depth(flat(level), 0), config).stack[0]
        assert abs(float(np.median(plane)) - 255 * level) < 40
    plane = render_stack(Scene.from_depth(flat(0.5), 0), RenderConfig(planes=1)).stack[0]
    assert set(np.unique(plane)) <= {127, 128}


def test_depths_are_given_in_micrometres_too():
    rendered = render_stack(Scene.from_depth(texture(), ramp(0, 3)), RenderConfig(4, z_step_um=2.5))
    np.testing.assert_allclose(rendered.depth_map, ramp(0, 7.5), rtol=1e-6)


def test_the_index_map_names_planes_of_the_stack_even_for_depths_outside():
    rendered = render_stack(Scene.from_depth(texture(), ramp(-3, 9)), EXACT)
    assert (rendered.index_map.min(), rendered.index_map.max()) == (0, 3)


# --- the gallery


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("noisy", [False, True])
def test_equal_seeds_give_equal_stacks_and_others_do_not(name, noisy):
    first, again, other = (
        make_stack(name, (48, 65), planes=5, noisy=noisy, seed=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.stack, again.stack)
    np.testing.assert_array_equal(first.sub_plane_map, again.sub_plane_map)
    assert (first.stack != other.stack).mean() > 0.01


@pytest.mark.parametrize("name", SCENES)
def test_scenes_have_the_size_asked_for_and_depths_inside_the_stack(name):
    for shape, channels in (((33, 70), None), ((64, 40), 3), ((30, 31), 2)):
        rendered = make_stack(name, shape, planes=6, channels=channels)
        assert rendered.stack.shape == (6, *shape, *([channels] if channels else []))
        assert rendered.sub_plane_map.min() >= 0
        assert rendered.sub_plane_map.max() <= 5
        assert np.ptp(rendered.sub_plane_map) >= 2


@pytest.mark.parametrize("name", SCENES)
def test_truth_is_sharper_than_every_plane_and_noise_is_added_only_when_asked(name):
    clean, noisy = (make_stack(name, (96, 128), noisy=noisy) for noisy in (False, True))

    def edges(image):
        return np.abs(np.diff(image.astype(float), axis=1)).mean()

    assert edges(clean.all_in_focus) > 1.05 * max(edges(plane) for plane in clean.stack)
    assert edges(noisy.stack[0]) > 1.2 * edges(clean.stack[0])
    np.testing.assert_array_equal(noisy.all_in_focus, clean.all_in_focus)


def test_the_seed_of_a_stack_is_that_of_its_noise_too():
    noise = [
        make_stack("discs", SHAPE, noisy=True, dtype="float32", seed=seed).stack
        - make_stack("discs", SHAPE, dtype="float32", seed=seed).stack
        for seed in (1, 2)
    ]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.1


def test_options_of_a_stack_change_its_config():
    assert make_stack("bumps", (20, 20), dtype="uint16").stack.dtype == np.uint16


def test_the_demo_is_a_colour_stack_with_an_answer():
    demo = demo_stack()
    assert demo.stack.shape == (12, 384, 512, 3)
    assert demo.stack.dtype == np.uint8
    assert len(np.unique(demo.index_map)) >= 4


def test_scenes_need_no_download(tmp_path):
    script = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('the network was asked for')\n"
        "socket.socket.connect = refuse\n"
        "from napari_umis_fusion.synthetic._textures import Photograph, photograph\n"
        "from typing import get_args\n"
        "for name in get_args(Photograph): photograph(name, (32, 32), 3)\n"
    )
    environment = {"HOME": str(tmp_path), "SKIMAGE_DATADIR": str(tmp_path), "PATH": ""}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=60)


# --- what is refused


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"planes": 0}, "planes is 0; accepted are finite numbers of 1 or more"),
        ({"planes": 2.5}, "planes is 2.5; accepted is a whole number"),
        ({"slope_px_per_plane": -1}, "slope_px_per_plane is -1"),
        ({"slope_px_per_plane": float("nan")}, "slope_px_per_plane is nan"),
        ({"psf": "square"}, "psf is 'square'; accepted are disc, gaussian"),
        ({"dtype": "bool"}, "dtype is 'bool'; accepted are uint8, uint16, float16"),
        ({"photon_electrons": 0}, "accepted is a positive number"),
        ({"read_electrons": 2}, "set photon_electrons"),
        ({"offset": 10, "full_scale": 255}, "uint8 accepts 0 to 255: lower full_scale"),
        ({"offset": -1}, "black is -1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_configs_out_of_bounds_say_what_is_accepted(options, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        RenderConfig(**options)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: Layer(flat(2.0), 0), "texture reaches from 2 to 2; accepted is 0 to 1"),
        (lambda: Layer(flat(np.nan), 0), "accepted is 0 to 1"),
        (lambda: Layer(flat(1.0, (3,)), 0), "texture has shape (3,); accepted is (Y, X[, C])"),
        (lambda: Layer(flat(1.0), 0, flat(1.0, (4, 4))), "alpha has shape (4, 4); accepted"),
        (lambda: Layer(flat(1.0), flat(1.0, (4, 4))), "depth has shape (4, 4); accepted"),
        (lambda: Layer(flat(1.0), np.inf), "depth is not finite"),
        (lambda: Scene(()), "accepted is at least one layer"),
        (
            lambda: Scene((Layer(flat(1.0), 0), Layer(flat(1.0, (4, 4)), 0))),
            "textures of one shape",
        ),
        (lambda: make_scene("moon"), "the scene is 'moon'; accepted are bumps, discs"),
    ],
)
def test_impossible_scenes_say_what_is_accepted(build, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        build()
