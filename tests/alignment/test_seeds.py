"""What alignment finds hangs neither on the seed of noise and motion nor on the last digit."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from napari_umis_fusion import FusionConfig
from napari_umis_fusion.alignment import apply, corners_of, iter_align
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.runtime import Workers, run_to_end
from napari_umis_fusion.synthetic import (
    OVERSAMPLING,
    SCENES,
    Motion,
    expose,
    light_of_planes,
    make_scene,
    render_moving_stack,
    through_lens,
)

MARGIN_PX = 5
MANY_SCENES = "bumps", "discs", "bars", "weak_texture", "fluorescence"


@cache
def scene_config(name, planes):
    return replace(SCENES[name].clean, planes=planes, flicker=0, haze=0)


@cache
def light(name, shape, planes):
    """Return the light of all planes, finer and farther than they: seeds share this costly part."""
    config = scene_config(name, planes)
    size = tuple(OVERSAMPLING * (side + 2 * MARGIN_PX) for side in shape)
    scene = make_scene(name, size, planes=planes, channels=None, seed=0)
    fine = replace(config, slope_px_per_plane=OVERSAMPLING * config.slope_px_per_plane)
    return list(light_of_planes(through_lens(scene, OVERSAMPLING * 0.8), fine))


def jittered(name, shape, planes, photons, seed):
    """Return planes that shook by about a pixel, in thirds (no interpolation), and by how much."""
    steps = np.rint(OVERSAMPLING * np.random.default_rng(seed).standard_normal((planes, 2)))
    steps[planes // 2] = 0
    config = replace(scene_config(name, planes), photon_electrons=photons, seed=seed)
    found = []
    for z, (down, along) in enumerate(steps.astype(int)):
        starts = OVERSAMPLING * MARGIN_PX - down, OVERSAMPLING * MARGIN_PX - along
        rows, columns = (
            slice(start, start + OVERSAMPLING * side)
            for start, side in zip(starts, shape, strict=True)
        )
        points = light(name, shape, planes)[z][rows, columns]
        pixels = points.reshape(shape[0], OVERSAMPLING, shape[1], OVERSAMPLING).mean(axis=(1, 3))
        found.append(expose(pixels, config, z))
    return np.array(found), steps / OVERSAMPLING


def align(stack):
    with Workers() as workers:
        return run_to_end(iter_align(as_stack(stack), FusionConfig(align="auto"), workers))


def reach_of_errors(transforms, others, shape):
    """Return by how much corners of planes lie apart at most, in px."""
    corners = corners_of(shape)
    pairs = zip(transforms, others, strict=True)
    return max(np.hypot(*(apply(a, corners) - apply(b, corners)).T).max() for a, b in pairs)


def outcomes(cases):
    """Return models, and errors in the corners in px, of stacks that did nothing but shake."""
    models, errors_px = [], []
    for name, shape, planes, photons, seed in cases:
        stack, shifts = jittered(name, shape, planes, photons, seed)
        truth = np.tile(np.eye(2, 3), (planes, 1, 1))
        truth[:, :, 2] = shifts
        found = align(stack)
        models.append(found.model)
        errors_px.append(reach_of_errors(found.transforms, truth, shape))
    return models, np.array(errors_px)


def test_shaking_is_taken_for_nothing_else():
    cases = [("discs", (120, 150), 12, 800.0 if seed % 2 else None, seed) for seed in range(3)]
    models, errors_px = outcomes(cases)
    assert set(models) == {"translation"}
    assert np.median(errors_px) < 0.35
    assert errors_px.max() < 0.6


@pytest.mark.slow
def test_long_drift_does_not_add_up():
    cases = [("discs", (160, 200), 24, 800.0, seed) for seed in range(2)]
    models, errors_px = outcomes(cases)
    assert set(models) == {"translation"}
    assert np.median(errors_px) < 0.4
    assert errors_px.max() < 0.6


@pytest.mark.slow
def test_shaking_is_taken_for_nothing_else_in_many_scenes():
    small, large = ((120, 150), 12), ((144, 176), 16)
    # each scene at one size, of which one light serves all its seeds
    scenes = dict.fromkeys(MANY_SCENES, small) | {"discs": large, "fluorescence": large}
    noises = None, 800.0, 300.0
    cases = [
        (name, *size, noises[(seed + place) % 3], seed)
        for place, (name, size) in enumerate(scenes.items())
        for seed in range(2)
    ]
    models, errors_px = outcomes(cases)
    assert set(models) == {"translation"}
    assert np.median(errors_px) < 0.25
    assert np.percentile(errors_px, 95) < 0.6
    assert errors_px.max() < 1.0


def perturbed(stack, seed):
    noise = np.random.default_rng(seed).standard_normal(stack.shape)
    return (stack * (1 + 1e-6 * noise)).astype(np.float32)


def check_last_digits_decide_nothing(stack, seeds):
    stack = stack.astype(np.float32)
    before = align(stack)
    for seed in seeds:
        after = align(perturbed(stack, seed))
        assert after.model == before.model
        apart_px = reach_of_errors(after.transforms, before.transforms, before.shape)
        assert apart_px < 0.01, f"seed {seed}: {apart_px:.3f} px apart"


@pytest.mark.slow
@pytest.mark.parametrize(("place", "name"), list(enumerate(MANY_SCENES)))
def test_last_digits_decide_nothing_in_many_scenes(place, name):
    seed, photons = ((0, None), (1, 300.0))[place % 2]
    stack, _ = jittered(name, (120, 150), 12, photons, seed)
    check_last_digits_decide_nothing(stack, [seed])


@pytest.mark.parametrize("motion", [Motion(breathing=0.05), Motion(rotation_deg=2)])
def test_last_digits_decide_nothing_where_planes_grow_or_turn(motion):
    config = replace(SCENES["bumps"].noisy, planes=6, flicker=0, haze=0, base_blur_px=0.8)
    moving = render_moving_stack("bumps", (160, 200), motion, config, channels=None)
    assert align(moving.stack).model == "similarity"
    check_last_digits_decide_nothing(moving.stack, range(2))
