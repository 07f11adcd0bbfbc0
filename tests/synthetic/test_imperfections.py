"""What cameras, lamps and disks do to stacks: how often, how strongly, and to which part."""

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.synthetic import Imperfections, StackDistribution, StackSampler
from napari_umis_fusion.synthetic._damage import _DRAWN, Damage

FIELDS = dataclasses.fields(Imperfections)
SHARES = [spec.name for spec in FIELDS if spec.name.endswith("_share")]
NONE = Imperfections().scaled(0)
CALM = {
    f"{trouble}_share": 0.0
    for trouble in ("noise", "drift", "flicker", "jitter", "jpeg", "eight_bit")
}
SEEDS = range(25)


def texture(seed, shape=(70, 80)):
    noise = np.random.default_rng(seed).random(shape, np.float32)
    smooth = scipy.ndimage.gaussian_filter(noise, 1.0, mode="wrap")
    return np.asarray((smooth - smooth.min()) / np.ptp(smooth), np.float32)


IMAGES = [texture(seed) for seed in range(3)]


def sampler(imperfections, **options):
    kinds = {"opaque": 1.0, "fluorescence": 0.0, "brightfield": 0.0, "smears": 0.0}
    chosen = {"size_px": 24, "margin_px": 8, **CALM, **kinds, **options}
    return StackSampler(IMAGES, StackDistribution(imperfections=imperfections, **chosen))


def pairs(name, planes=8, **options):
    """Yield stacks with one imperfection, and the same stacks without it."""
    spoilt = sampler(replace(NONE, **{f"{name}_share": 1.0}, **options))
    sound = sampler(NONE)
    for seed in SEEDS:
        yield spoilt.draw([1, seed], planes), sound.draw([1, seed], planes)


@pytest.mark.parametrize("spec", FIELDS, ids=lambda spec: spec.name)
def test_every_field_says_what_it_is_and_has_bounds(spec):
    assert spec.metadata["help"].endswith(".")
    low, high = spec.metadata["min"], spec.metadata["max"]
    paired = isinstance(spec.default, tuple)
    for wrong in (low - 1, high + 1, math.nan, None, "3", (0.3, 0.2), True):
        value = (wrong, wrong) if paired and not isinstance(wrong, tuple) else wrong
        with pytest.raises(ConfigError, match=f"{spec.name} is .*accepted is a"):
            Imperfections(**{spec.name: value})


def test_a_rate_scales_the_shares_and_nothing_else():
    rare = Imperfections().scaled(0.25)
    for spec in FIELDS:
        factor = 0.25 if spec.name in SHARES else 1
        usual = getattr(Imperfections(), spec.name)
        assert getattr(rare, spec.name) == (usual if factor == 1 else factor * usual)
    assert Imperfections().scaled(1) == Imperfections()


def test_without_imperfections_a_seed_gives_the_same_stack_as_ever():
    for seed in SEEDS:
        one, other = (sampler(like).draw(seed, 4) for like in (None, NONE))
        for part in ("planes", "steady", "clean", "all_in_focus"):
            # Scenes draw one number more to learn that they are not imperfect.
            assert getattr(one, part).shape == getattr(other, part).shape
        np.testing.assert_array_equal(one.planes, one.clean)
        np.testing.assert_array_equal(other.planes, other.clean)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_damage_is_as_frequent_as_asked(share):
    like = replace(NONE, ill_share=share)
    ill = [
        bool(Damage.draw(np.random.default_rng(seed), like, (6, 16, 16)).ill) for seed in range(400)
    ]
    assert np.mean(ill) == pytest.approx(share, abs=0.08)


@pytest.mark.parametrize("name", ["pattern", "dust", "hot", "mosaic"])
def test_what_stands_still_is_in_the_recorded_planes_only(name):
    changed = []
    for spoilt, sound in pairs(name):
        np.testing.assert_array_equal(spoilt.clean, sound.clean)
        np.testing.assert_allclose(spoilt.steady, sound.clean, atol=2e-5)
        np.testing.assert_array_equal(spoilt.all_in_focus, sound.all_in_focus)
        changed.append(float(np.abs(spoilt.planes - sound.planes).max()))
    # A small plane may have no hot pixel, or one that is bright anyway.
    assert np.mean(np.array(changed) > 1e-3) > (0.2 if name == "hot" else 0.75)


def test_a_pattern_of_offset_is_the_same_in_all_planes_and_as_strong_as_asked():
    like = replace(NONE, pattern_share=1.0, pattern=(0.01, 0.01))
    found = []
    for seed in range(60):
        damage = Damage.draw(np.random.default_rng(seed), like, (5, 64, 64))
        assert damage.offset.shape == (64, 64)
        found.append(float(damage.offset.std()))
    assert np.median(found) == pytest.approx(0.01, rel=0.1)
    assert max(found) < 0.02


@pytest.mark.parametrize("name", ["speck", "ill"])
def test_what_spoils_a_plane_spoils_what_it_has_to_offer(name):
    many = {"specks": (4e-3, 4e-3)} if name == "speck" else {}
    for spoilt, sound in pairs(name, **many):
        changed = spoilt.planes != sound.planes
        assert changed.any()
        for part in (spoilt.steady, spoilt.clean):
            np.testing.assert_allclose(part[changed], spoilt.planes[changed], atol=2e-5)
            np.testing.assert_allclose(part[~changed], sound.clean[~changed], atol=2e-5)


def test_ill_parts_are_constant_and_leave_a_sound_plane():
    places = set()
    for seed in range(300):
        planes = 1 + seed % 9
        damage = Damage.draw(
            np.random.default_rng(seed), replace(NONE, ill_share=1.0), (planes, 20, 30)
        )
        assert len(damage.ill_planes) <= max(1, planes // 4)
        assert len(damage.ill_planes) < planes or planes == 1
        for part in damage.ill:
            assert (
                np.ptp(damage.without_ill(np.zeros((planes, 20, 30), np.float32)))
                in (
                    0,
                    *{p.value for p in damage.ill},
                )
                or len({p.value for p in damage.ill}) > 1
            )
            assert 0 <= part.value <= 1
            places.add(part.z / max(planes - 1, 1))
    assert {0.0, 1.0} <= places  # any plane, the first and the last too


def test_the_middle_plane_is_a_sound_one():
    spoilt = sampler(replace(NONE, ill_share=1.0))
    for seed in range(60):
        stack = spoilt.draw(seed, 4)
        sound = sampler(NONE).draw(seed, 4)
        np.testing.assert_array_equal(stack.planes[stack.middle], sound.planes[stack.middle])
        assert abs(stack.middle - 2) <= 1


@pytest.mark.parametrize("gain", [0.25, 0.5, 1.8, 2.5])
def test_one_plane_is_exposed_otherwise_and_evened_unless_clipped(gain):
    for spoilt, sound in pairs("exposure", exposure=(gain, gain)):
        off = np.abs(spoilt.planes - sound.planes).max((1, 2)) > 1e-4
        assert off.sum() == 1
        (z,) = np.flatnonzero(off)
        kept = sound.clean[z] * max(gain, 1) <= 1
        np.testing.assert_allclose(spoilt.steady[z][kept], sound.clean[z][kept], atol=1e-5)
        assert spoilt.planes[z].max() <= max(1, sound.planes[z].max()) + 1e-5
        np.testing.assert_allclose(spoilt.steady, spoilt.clean, atol=1e-5)


def test_bands_differ_between_planes_and_run_along_rows_or_columns():
    for spoilt, sound in pairs("banding"):
        bands = spoilt.planes - sound.planes
        along = [np.abs(np.diff(bands, axis=axis)).max() for axis in (1, 2)]
        assert min(along) < 1e-5 < max(along)
        assert np.abs(bands[0] - bands[1]).max() > 1e-4
        np.testing.assert_array_equal(spoilt.clean, sound.clean)


def test_blocks_make_256_levels_and_errors_beyond_rounding():
    off = []
    for spoilt, _ in pairs("blocks"):
        levels = spoilt.planes * 255
        np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
        off.append(np.abs(spoilt.planes - spoilt.clean).max() * 255)
    assert np.median(off) > 3


def test_phase_objects_are_fainter_in_focus_than_out_of_it():
    brightfield = {"opaque": 0.0, "brightfield": 1.0}
    spans = {}
    for share in (0.0, 1.0):
        drawn = sampler(replace(NONE, phase_share=share), **brightfield)
        stacks = [drawn.draw([2, seed], 9) for seed in range(40)]
        gains = [s.planes.std((1, 2)).max() / max(s.all_in_focus.std(), 1e-4) for s in stacks]
        spans[share] = np.quantile(gains, 0.75)
    assert spans[1.0] > 1.05 > spans[0.0]


def test_crowded_scenes_have_stronger_edges():
    steep = {}
    for share in (0.0, 1.0):
        drawn = sampler(replace(NONE, crowded_share=share), flat_share=1.0)
        stacks = [drawn.draw([3, seed], 2) for seed in range(60)]
        steep[share] = np.mean([np.quantile(np.abs(np.diff(s.all_in_focus)), 0.98) for s in stacks])
    assert steep[1.0] > steep[0.0]


@pytest.mark.parametrize("planes", [2, 24])
def test_all_at_once_is_finite_and_repeatable(planes):
    all_of_them = Imperfections(**dict.fromkeys(SHARES, 1.0))
    kinds = {"opaque": 0.4, "fluorescence": 0.2, "brightfield": 0.2, "smears": 0.2}
    first, again = (sampler(all_of_them, **kinds) for _ in range(2))
    for seed in SEEDS:
        one, other = first.draw(seed, planes), again.draw(seed, planes)
        for part in ("planes", "steady", "clean", "all_in_focus"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
            assert np.isfinite(getattr(one, part)).all()
            assert getattr(one, part).dtype == np.float32


def test_every_damage_has_its_share():
    assert {f"{name}_share" for name in _DRAWN} < set(SHARES)
    assert set(SHARES) - {f"{name}_share" for name in _DRAWN} == {
        "phase_share",
        "crowded_share",
        "wide_share",
    }
