from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.synthetic import StackDistribution, StackSampler
from napari_umis_fusion.synthetic import _irradiance as light
from napari_umis_fusion.synthetic import _random_scene as random_scene
from napari_umis_fusion.synthetic._defocus import blur_kernel
from napari_umis_fusion.synthetic._irradiance import KINDS, Irradiance, StackOptics
from napari_umis_fusion.synthetic._random_scene import RandomCrops, RandomOptics, Surface
from napari_umis_fusion.synthetic._sampler import MIN_GAIN, _drift, _record
from napari_umis_fusion.synthetic._transfer import SOFT_EDGE

SIDE = 48
PARTS = ("planes", "steady", "clean", "all_in_focus")
TROUBLES = ("noise", "drift", "flicker", "jitter", "jpeg", "eight_bit")
QUIET = {f"{trouble}_share": 0.0 for trouble in TROUBLES}
EXACT = StackDistribution(size_px=24, margin_px=8, **QUIET)
OPTICS = RandomOptics(SIDE, planes=5, slope_px_per_plane=1.5, psf="disc", lens_blur_px=0.0)


PLACED = [kind for kind in KINDS if kind != "smears"]
"""Kinds whose depth a test can set; smears have tests of their own."""


def only(kind, spec):
    return replace(spec, **{name: float(name == kind) for name in KINDS})


def rng(seed=0):
    return np.random.default_rng(seed)


def texture(shape=(SIDE, SIDE), seed=0):
    smooth = scipy.ndimage.gaussian_filter(rng(seed).random(shape, np.float32), 1.0, mode="wrap")
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth), np.float32)


def flat(value):
    return np.full((SIDE, SIDE), value, np.float32)


IMAGES = [texture((s, s + 9), seed=s) for s in (30, 64, 90)]


def assert_equal(one, other):
    for part in PARTS:
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part), err_msg=part)


def rendered(kind, seed=0, optics=OPTICS, spec=EXACT):
    return KINDS[kind](rng(seed), spec, optics, RandomCrops(IMAGES))


# --- what is drawn


@pytest.mark.parametrize("spec", [EXACT, StackDistribution(size_px=24, margin_px=8)])
def test_equal_seeds_give_equal_stacks_and_others_do_not(spec):
    first, again = StackSampler(IMAGES, spec), StackSampler(IMAGES, spec)
    stacks = [first.draw([7, seed], planes=3) for seed in range(8)]
    for seed in reversed(range(8)):  # nothing is carried over from draw to draw
        assert_equal(again.draw([7, seed], planes=3), stacks[seed])
    for one, other in pairwise(stacks):
        assert (one.planes != other.planes).mean() > 0.5
    assert_equal(first.draw(5), again.draw(5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("planes", [2, 24])
def test_stacks_are_what_they_should_be(kind, planes):
    spec = only(kind, StackDistribution(size_px=20, margin_px=8))
    sampler = StackSampler(IMAGES, spec)
    for seed in range(20):
        stack = sampler.draw(seed, planes)
        for part in PARTS:
            values = getattr(stack, part)
            assert values.shape == (20, 20) if part == "all_in_focus" else (planes, 20, 20)
            assert values.dtype == np.float32
            assert np.isfinite(values).all(), (seed, part)
        assert 0 <= stack.clean.min() <= stack.clean.max() < 2, seed
        assert 0 <= stack.all_in_focus.min() <= stack.all_in_focus.max() <= 1.11, seed
        assert -0.5 < stack.planes.min() <= stack.planes.max() < 3, seed


def test_light_is_recorded_again_by_another_camera_from_another_side():
    sampler = StackSampler(IMAGES, StackDistribution(size_px=24, margin_px=8))
    light = sampler.draw_light([3, 1], planes=4)
    before = light.planes.copy()
    one, again, others = sampler.record(light, 1), sampler.record(light, 1), range(2, 30)
    assert_equal(one, again)
    symmetries = set()
    for seed in others:
        other = sampler.record(light, seed)
        assert (other.planes != one.planes).any()
        np.testing.assert_array_equal(
            np.sort(other.all_in_focus, None), np.sort(light.all_in_focus, None)
        )
        symmetries.add(other.all_in_focus.tobytes())
    assert len(symmetries) == 8
    np.testing.assert_array_equal(light.planes, before)


def test_planes_and_truth_are_rotated_alike():
    sampler = StackSampler(IMAGES, EXACT)
    light = sampler.draw_light(5, planes=3)
    exact = replace(light, planes=np.stack([light.all_in_focus] * 3))
    for seed in range(12):
        stack = sampler.record(exact, seed)
        np.testing.assert_allclose(stack.planes, stack.all_in_focus[None].repeat(3, 0), atol=1e-6)


def test_the_number_of_planes_is_drawn_within_its_range():
    sampler = StackSampler(IMAGES, replace(EXACT, planes=(3, 6)))
    generator = rng()
    drawn = [sampler.draw_planes(generator) for _ in range(300)]
    assert set(drawn) == {3, 4, 5, 6}
    assert drawn.count(3) > drawn.count(6)
    assert {len(sampler.draw(seed).planes) for seed in range(40)} == {3, 4, 5, 6}
    assert len(sampler.draw(0, planes=1).planes) == 1


def test_kinds_are_drawn_by_weight(monkeypatch):
    drawn = []

    def noting(kind):
        def render(rng, spec, optics, crops):
            drawn.append(kind)
            side = optics.side
            return Irradiance(*(np.zeros((n, side, side), np.float32) for n in (2, 1, 1)))

        return render

    for kind in KINDS:
        monkeypatch.setitem(KINDS, kind, noting(kind))
    spec = replace(EXACT, opaque=0.6, fluorescence=0.0, brightfield=0.2, smears=0.0)
    sampler = StackSampler(IMAGES, spec)
    for seed in range(400):
        sampler.draw(seed, 2)
    assert drawn.count("fluorescence") == 0
    assert drawn.count("opaque") == pytest.approx(300, abs=45)


def test_blur_stays_within_the_margin_and_its_range():
    for seed in range(200):
        spec = replace(EXACT, slope_px_per_plane=(0.5, 3.0), margin_px=8)
        optics = RandomOptics.draw(rng(seed), spec, SIDE, 9)
        assert 0.5 <= optics.slope_px_per_plane <= 1
        assert RandomOptics.draw(rng(seed), spec, SIDE, 2).slope_px_per_plane <= 3


def test_a_stack_shows_only_what_the_margin_does_not_hide():
    """The left of the field must not shine through to the right, as it does in the margin."""
    sampler = StackSampler(IMAGES, EXACT)
    side = sampler._side
    assert side >= 24 + 2 * 8
    numbers = np.arange(side * side, dtype=np.float32).reshape(side, side)
    cut = sampler._cropped(Irradiance(numbers[None] - 5, numbers, numbers))
    assert cut.planes.shape == (1, 24, 24)
    assert cut.planes.min() >= 0
    y, x = np.divmod(cut.all_in_focus, side)
    assert min(y.min(), x.min()) >= 8
    assert max(y.max(), x.max()) < side - 8


# --- camera


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_camera_records_the_light(kind):
    sampler = StackSampler(IMAGES, only(kind, EXACT))
    for seed in range(10):
        stack = sampler.draw(seed, 4)
        np.testing.assert_array_equal(stack.planes, stack.clean)
        np.testing.assert_array_equal(stack.steady, stack.clean)


@pytest.mark.parametrize(
    ("drift", "flicker"), [(0.5, 0.0), (0.0, 0.2), (1.0, 0.5)], ids=["drift", "flicker", "both"]
)
def test_drift_stays_and_flicker_is_undone(drift, flicker):
    calm = only("opaque", EXACT)
    restless = replace(
        calm,
        drift_share=float(drift > 0),
        drift=drift,
        flicker_share=float(flicker > 0),
        flicker=flicker,
    )
    of_calm, of_restless = (StackSampler(IMAGES, spec) for spec in (calm, restless))
    drifted, flickered = [], []
    for seed in range(15):
        still, stack = of_calm.draw(seed, 6), of_restless.draw(seed, 6)
        np.testing.assert_array_equal(stack.all_in_focus, still.all_in_focus)
        np.testing.assert_allclose(stack.steady, stack.clean, rtol=1e-5, atol=1e-6)
        drifted.append(np.abs(stack.clean - still.clean).mean())
        flickered.append(np.abs(stack.planes - stack.clean).mean())
    assert (np.median(drifted) > 0.002) == (drift > 0)
    assert (np.median(flickered) > 0.002) == (flicker > 0)


def test_flicker_scales_whole_planes():
    sampler = StackSampler(IMAGES, replace(only("opaque", EXACT), flicker_share=1.0, flicker=0.3))
    stack = sampler.draw(3, 8)
    gains = [(stack.planes[z] / stack.clean[z])[stack.clean[z] > 0.05] for z in range(8)]
    assert max(np.ptp(gain) for gain in gains) < 1e-4
    assert np.ptp([gain.mean() for gain in gains]) > 0.01


def test_drift_grows_with_defocus_is_smooth_and_spares_what_is_in_focus():
    stack = Irradiance(np.ones((7, SIDE, SIDE), np.float32), flat(1), flat(2))
    gain = _drift(rng(), 0.3, stack)
    assert gain.dtype == np.float32
    np.testing.assert_allclose(gain[2], 1, atol=1e-6)
    assert np.abs(gain[6] - 1).max() > 0.05
    assert np.abs(np.diff(gain, axis=2)).max() < 0.1
    assert _drift(rng(), 50.0, stack).min() == np.float32(MIN_GAIN)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.4, 0.9])
def test_noise_of_photons_grows_with_light(level):
    spec = replace(EXACT, noise_share=1.0, photon_electrons=(500.0, 500.0), read_share=0.0)
    recorded = _record(rng(), spec, np.full((2, 150, 150), level, np.float32))
    assert recorded.mean() == pytest.approx(level, abs=1e-3)
    assert recorded.var() == pytest.approx(level / 500, rel=0.05)
    assert level == 0 or abs(np.corrcoef(recorded.reshape(2, -1))[0, 1]) < 0.03


def test_noise_of_reading_does_not():
    spec = replace(EXACT, noise_share=1.0, photon_electrons=(1e9, 1e9), read_share=0.2)
    dark, bright = (_record(rng(3), spec, np.full((1, 99, 99), v, np.float32)) for v in (0, 0.8))
    assert 0.002 < dark.std() < 0.2
    assert bright.std() == pytest.approx(dark.std(), rel=0.02)


def test_noise_is_in_steady_and_not_in_clean():
    noisy = replace(only("opaque", EXACT), noise_share=1.0, photon_electrons=(100.0, 100.0))
    for seed in range(3):
        stack = StackSampler(IMAGES, noisy).draw(seed, 3)
        calm = StackSampler(IMAGES, only("opaque", EXACT)).draw(seed, 3)
        np.testing.assert_array_equal(stack.clean, calm.clean)
        np.testing.assert_array_equal(stack.all_in_focus, calm.all_in_focus)
        assert (stack.steady - stack.clean).std() > 0.01


def test_eight_bits_are_256_levels():
    recorded = _record(rng(), replace(EXACT, eight_bit_share=1.0), texture()[None] * 1.2 - 0.1)
    levels = recorded * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    assert (recorded.min(), recorded.max()) == (0, 1)
    expected = np.clip(texture() * 1.2 - 0.1, 0, 1)
    assert np.abs(recorded[0] - expected).max() <= 0.5 / 255 + 1e-6


def test_jpeg_changes_more_than_rounding_and_not_by_much():
    spec = replace(EXACT, eight_bit_share=1.0, jpeg_share=1.0)
    for seed in range(5):
        recorded = _record(rng(seed), spec, texture()[None])
        off = np.abs(recorded[0] - texture())
        assert off.max() > 2 / 255
        assert off.mean() < 0.05
        assert (recorded.min() >= 0) & (recorded.max() <= 1)


# --- light


def at_depth(monkeypatch, depth):
    for module in (light, random_scene):
        monkeypatch.setattr(module, "random_depth", lambda rng, side, planes: depth)


@pytest.mark.parametrize("kind", PLACED)
@pytest.mark.parametrize("lens_blur_px", [0.0, 1.1])
def test_the_plane_in_focus_equals_the_truth_and_no_other_does(kind, lens_blur_px, monkeypatch):
    at_depth(monkeypatch, 3.0)
    optics = replace(OPTICS, lens_blur_px=lens_blur_px)
    for seed in range(8):
        got = rendered(kind, seed, optics)
        errors = np.abs(got.planes - got.all_in_focus).max((1, 2)) / np.ptp(got.all_in_focus)
        assert errors[3] < 1e-4, seed
        assert np.delete(errors, 3).min() > 100 * errors[3], seed
        seen = got.all_in_focus > got.all_in_focus.min() + 0.01 * np.ptp(got.all_in_focus)
        np.testing.assert_array_equal(got.depth[seen if kind == "fluorescence" else ...], 3)


@pytest.mark.parametrize("kind", PLACED)
@pytest.mark.parametrize("depth", [2, 2.5])
def test_depths_are_blurred_by_their_distance_from_the_plane(kind, depth, monkeypatch):
    at_depth(monkeypatch, depth)
    got = rendered(kind, 1)
    error = np.abs(got.planes - got.all_in_focus).mean((1, 2))
    assert np.argmin(error) in (np.floor(depth), np.ceil(depth))
    if kind != "brightfield":  # where the far side has the opposite contrast
        mirrored = int(2 * depth)
        twins = range(max(0, mirrored - 4), min(4, mirrored) + 1)
        for z in twins:
            np.testing.assert_allclose(got.planes[z], got.planes[mirrored - z], atol=1e-5)


def with_surfaces(monkeypatch, *surfaces):
    monkeypatch.setattr(light, "random_surfaces", lambda *_: list(surfaces))


def hilly():
    return 2 + 2 * np.sin(np.linspace(0, 2 * np.pi, SIDE, endpoint=False))[:, None] * flat(1)


@pytest.mark.parametrize("cover", [None, flat(1)], ids=["back", "front"])
def test_a_flat_surface_stays_flat_at_any_depth(cover, monkeypatch):
    """No seam where slabs meet, no rim where depth changes."""
    with_surfaces(monkeypatch, Surface(flat(0.2), None, 0.0), Surface(flat(0.6), cover, hilly()))
    np.testing.assert_allclose(rendered("opaque").planes, 0.6, atol=2e-3)


def occluding(monkeypatch, front_light, back_light):
    cover = (np.abs(np.arange(SIDE) - SIDE / 2) <= 8) * flat(1)
    back, front = Surface(back_light, None, 0.0), Surface(front_light, cover, 4.0)
    with_surfaces(monkeypatch, back, front)
    kernel = blur_kernel("disc", 4 * OPTICS.slope_px_per_plane)
    alpha = scipy.ndimage.convolve(cover, kernel, mode="wrap")
    soft = SOFT_EDGE * 4 * OPTICS.slope_px_per_plane
    alpha = scipy.ndimage.gaussian_filter(alpha, soft, mode="wrap")
    return rendered("opaque"), cover, alpha


def test_an_opaque_foreground_in_focus_hides_the_background(monkeypatch):
    got, cover, _ = occluding(monkeypatch, flat(0.9), texture())
    np.testing.assert_allclose(got.planes[4][cover == 1], 0.9, atol=1e-5)
    np.testing.assert_allclose(got.all_in_focus, np.where(cover, 0.9, texture()), atol=1e-6)
    np.testing.assert_array_equal(got.depth, np.where(cover, 4, 0))


def test_the_foregrounds_blur_veils_the_background_in_focus(monkeypatch):
    got, cover, alpha = occluding(monkeypatch, flat(0.9), texture())
    expected = alpha * 0.9 + (1 - alpha) * texture()
    np.testing.assert_allclose(got.planes[0], expected, atol=0.03)
    veiled = (cover == 0) & (alpha > 0.15)
    clear = alpha < 0.01
    assert np.abs(got.planes[0] - got.all_in_focus)[clear].max() < 0.03
    contrast = [got.planes[0][part].std() / texture()[part].std() for part in (veiled, clear)]
    assert contrast[0] < 0.85 < 0.99 < contrast[1]


def test_equal_colours_leave_no_dark_rim_at_an_occlusion(monkeypatch):
    got, _, _ = occluding(monkeypatch, flat(0.5), flat(0.5))
    np.testing.assert_allclose(got.planes, 0.5, atol=2e-3)


@pytest.mark.parametrize("psf", ["disc", "gaussian"])
def test_fluorescence_keeps_its_light_at_every_focus(psf):
    for seed in range(6):
        got = rendered("fluorescence", seed, replace(OPTICS, psf=psf))
        expected = got.all_in_focus.sum(dtype=np.float64)
        assert got.planes.sum((1, 2), dtype=np.float64) == pytest.approx(expected, rel=1e-4)


def thin_object(monkeypatch, absorption, phase):
    monkeypatch.setattr(light, "_thin_object", lambda *_, whole: (absorption, phase))
    monkeypatch.setattr(light, "_vignetting", lambda *_: np.ones((SIDE, SIDE), np.float32))
    at_depth(monkeypatch, 2.0)
    return rendered("brightfield")


def test_pure_phase_is_seen_out_of_focus_only_and_reversed_on_the_other_side(monkeypatch):
    bump = scipy.ndimage.gaussian_filter(np.pad([[1.0]], SIDE // 2)[:-1, :-1], 1.5)
    got = thin_object(monkeypatch, flat(0), np.asarray(0.1 * bump / bump.max(), np.float32))
    lamp = got.all_in_focus.mean()
    np.testing.assert_allclose(got.all_in_focus, lamp, rtol=1e-6)
    contrast = got.planes / lamp - 1
    assert np.abs(contrast[2]).max() < 1e-5
    middle = contrast[:, SIDE // 2, SIDE // 2]
    assert np.abs(middle[[1, 3]]).min() > 1e-3
    assert np.sign(middle[1]) == -np.sign(middle[3])
    corr = np.corrcoef(contrast[1].ravel(), contrast[3].ravel())[0, 1]
    assert corr < -0.9


def test_pure_absorption_looks_alike_on_both_sides(monkeypatch):
    got = thin_object(monkeypatch, 0.5 * texture(), flat(0))
    for z in (0, 1):
        np.testing.assert_allclose(got.planes[z], got.planes[4 - z], atol=1e-5)
    assert np.abs(got.planes[0] - got.planes[2]).max() > 0.01


def test_the_blur_of_the_lens_is_in_the_truth():
    spec = replace(EXACT, layers=(1, 1))
    sharp, soft = (
        rendered("opaque", 4, replace(OPTICS, lens_blur_px=sigma), spec) for sigma in (0.0, 1.2)
    )
    twin = scipy.ndimage.gaussian_filter(sharp.all_in_focus, 1.2, mode="wrap", truncate=8)
    np.testing.assert_allclose(soft.all_in_focus, twin, atol=5e-3)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_as_many_lenses_blur_as_asked(share):
    spec = replace(EXACT, lens_blur_share=share, lens_blur_px=(0.5, 0.9))
    drawn = [RandomOptics.draw(rng(seed), spec, SIDE, 3).lens_blur_px for seed in range(30)]
    assert all(0.5 <= sigma <= 0.9 if share else sigma == 0 for sigma in drawn)


def test_all_layers_of_a_plane_shake_alike_and_planes_by_themselves():
    spec = replace(EXACT, jitter_share=1.0, jitter_px=3.0)
    stack_optics = StackOptics(rng(1), spec, OPTICS)
    sharp = [stack_optics.blurred(stack_optics.slabs(texture(), float(z)), z) for z in range(5)]
    still = StackOptics(rng(1), EXACT, OPTICS)
    for z, plane in enumerate(sharp):
        moved = stack_optics.blurred(stack_optics.slabs(texture(seed=1), float(z)), z)
        spectra = [np.fft.fft2(field) for field in (plane, texture(), moved, texture(seed=1))]
        turns = [np.angle(spectra[k] / spectra[k + 1])[:4, :4] for k in (0, 2)]
        np.testing.assert_allclose(turns[0], turns[1], atol=1e-2)
        np.testing.assert_allclose(
            still.blurred(still.slabs(texture(), z), z), texture(), atol=1e-5
        )
    off = [np.abs(plane - texture()).max() for plane in sharp]
    assert min(off) > 0.01
    assert min(np.abs(one - other).max() for one, other in pairwise(sharp)) > 0.01


# --- the images that stacks are rendered from


def test_sources_are_drawn_alike_however_many_images_they_have():
    values = np.linspace(0, 1, 13, dtype=np.float32)
    images = [np.full((30, 30), value, np.float32) for value in values]
    sources = ["many"] * 10 + ["two"] * 2 + ["one"]
    crops, generator = RandomCrops(images, sources), rng()
    drawn = [float(crops._cut(generator, 20)[0, 0]) for _ in range(900)]
    counts = np.array([np.isclose(drawn, value).sum() for value in values])
    for part in (counts[:10].sum(), counts[10:12].sum(), counts[12]):
        assert part == pytest.approx(300, abs=70)
    assert counts[:10] == pytest.approx(30, abs=25)


def test_without_sources_images_are_drawn_alike():
    images = [np.full((30, 30), value, np.float32) for value in (0, 0.5, 1)]
    crops, generator = RandomCrops(images), rng()
    drawn = [float(crops._cut(generator, 20)[0, 0]) for _ in range(600)]
    for value in (0, 0.5, 1):
        assert drawn.count(value) == pytest.approx(200, abs=55)


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (17, 16), (24, 24), (40, 40), (200, 33)])
def test_images_of_any_size_are_enlarged_or_cut(shape):
    crops = RandomCrops([rng().random(shape, np.float32)])
    for seed in range(12):
        crop = crops.draw(rng(seed), 33)
        assert crop.shape == (33, 33)
        assert crop.dtype == np.float32
        assert np.isfinite(crop).all()
        assert 0 <= crop.min() <= crop.max() <= 1
    stack = StackSampler([rng().random(shape, np.float32)], EXACT).draw(0, 2)
    assert stack.planes.shape == (2, 24, 24)
    assert np.isfinite(stack.planes).all()


def test_crops_come_in_many_guises():
    image = texture((33, 33))
    crops = [RandomCrops([image]).draw(rng(seed), 33) for seed in range(60)]
    upright = [np.corrcoef(crop.ravel(), image.ravel())[0, 1] for crop in crops]
    assert min(upright) < -0.8  # inverted
    assert max(upright) > 0.8
    assert sum(abs(c) < 0.5 for c in upright) > 30  # turned or mirrored
    assert np.std([np.ptp(crop) for crop in crops]) > 0.05


def test_crops_with_contrast_are_preferred():
    image = np.full((400, 400), 0.5, np.float32)
    image[:, 200:] = texture((400, 200))
    crops, generator = RandomCrops([image]), rng()
    assert np.mean([crops.draw(generator, 33).std() > 0.06 for _ in range(200)]) > 0.8


def test_images_are_left_as_they_are():
    image = texture((60, 60))
    kept = image.copy()
    sampler = StackSampler([image], EXACT)
    for seed in range(10):
        sampler.draw(seed, 2)
    np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize(
    ("images", "sources", "text"),
    [
        ([], None, "got no image; accepted is at least one sharp image"),
        (np.zeros((0, 30, 30), np.float32), None, "got no image"),
        ([texture(), texture((9, 9, 3))], None, r"image 1 has shape \(9, 9, 3\); accepted is"),
        ([np.zeros((0, 30))], None, r"image 0 has shape \(0, 30\); accepted is \(Y, X\)"),
        ([texture() * 255], None, "image 0 reaches from 0 to 255; accepted is 0 to 1: scale it"),
        ([texture() - 0.5], None, r"image 0 reaches from -0\.5 to 0\.5"),
        ([texture(), flat(np.nan)], None, "image 1 reaches from nan to nan"),
        ([texture()], ["a", "b"], "got 2 sources for 1 image; accepted is one for each"),
        ([texture()], [], "got 0 sources for 1 image;"),
    ],
)
def test_what_cannot_be_rendered_from_says_what_can(images, sources, text):
    with pytest.raises(ConfigError, match=text):
        StackSampler(images, EXACT, sources)


def test_an_array_of_images_is_a_sequence_of_them():
    assert_equal(
        StackSampler(np.stack([texture(), texture(seed=1)]), EXACT).draw(2),
        StackSampler([texture(), texture(seed=1)], EXACT).draw(2),
    )


@pytest.mark.parametrize("planes", [0, -1])
def test_a_stack_has_planes(planes):
    with pytest.raises(ConfigError, match=f"planes is {planes}; accepted are whole numbers of 1"):
        StackSampler(IMAGES, EXACT).draw(0, planes)
