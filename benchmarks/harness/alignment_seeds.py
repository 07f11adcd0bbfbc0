"""Whether alignment hangs on the seed: many stacks that did nothing but shake, or did nothing.

The light of a scene is rendered once, and every seed reads it moved by whole thirds of a pixel,
which are its points: no interpolation, and no time to speak of.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.alignment_geometry import worst_error_px
from napari_umis_fusion import FusionConfig
from napari_umis_fusion.alignment import iter_align
from napari_umis_fusion.files.read import as_stack
from napari_umis_fusion.runtime import Workers, run_to_end
from napari_umis_fusion.synthetic import (
    OVERSAMPLING,
    SCENES,
    RenderConfig,
    expose,
    light_of_planes,
    make_scene,
    through_lens,
)

SIZES = {(120, 150): 12, (160, 200): 24, (208, 256): 8}
"""Shapes of planes, and how many."""

NOISES = {"clean": None, "800 e-": 800.0, "300 e-": 300.0}
"""Electrons at full scale."""

SEEDS, MARGIN_PX, LENS_PX = 8, 5, 0.8


@dataclass(frozen=True, slots=True)
class Spread:
    """How far off alignment was over the seeds of one scene and size.

    Attributes
    ----------
    stacks : str
        Scene, size and whether planes shook.
    errors_px : ndarray of float64
        In the worst corner or the centre, one for each seed.
    models : Counter
        What the planes were taken for.
    """

    stacks: str
    errors_px: NDArray[np.float64]
    models: "Counter[str]"


def spreads(*, quick: bool) -> Iterator[Spread]:
    """Yield the errors of `align="auto"` for each scene and size."""
    sizes = {(96, 120): 4} if quick else SIZES
    for scene in ("bumps",) if quick else SCENES:
        for shape, planes in sizes.items():
            light = _light(scene, shape, planes)
            for jitter_px in (1.0, 0.0):
                yield _spread(scene, light, shape, jitter_px, 2 if quick else SEEDS)


def _spread(
    scene: str, light: list[NDArray], shape: tuple[int, int], jitter_px: float, seeds: int
) -> Spread:
    errors_px, models = [], Counter()
    for seed in range(seeds):
        photons = list(NOISES.values())[seed % len(NOISES)]
        config = replace(_config(scene, len(light)), photon_electrons=photons, seed=seed)
        stack, true = _shaken(light, shape, jitter_px, config)
        with Workers() as workers:
            found = run_to_end(iter_align(as_stack(stack), FusionConfig(align="auto"), workers))
        errors_px.append(worst_error_px(found.transforms, true, found.reference, shape))
        models[found.model] += 1
    height, width = shape
    name = f"{scene}, {len(light)} x {height} x {width}, {'shaken' if jitter_px else 'still'}"
    return Spread(name, np.array(errors_px), models)


def _config(scene: str, planes: int) -> RenderConfig:
    return replace(SCENES[scene].clean, planes=planes, flicker=0, haze=0)


def _light(scene: str, shape: tuple[int, int], planes: int) -> list[NDArray]:
    """Return the light of all planes in points, with margins."""
    config = _config(scene, planes)
    size = tuple(OVERSAMPLING * (side + 2 * MARGIN_PX) for side in shape)
    made = make_scene(scene, size, planes=planes, channels=None, seed=0)
    fine = replace(config, slope_px_per_plane=OVERSAMPLING * config.slope_px_per_plane)
    return list(light_of_planes(through_lens(made, OVERSAMPLING * LENS_PX), fine))


def _shaken(
    light: list[NDArray], shape: tuple[int, int], jitter_px: float, config: RenderConfig
) -> tuple[NDArray, NDArray[np.float64]]:
    """Return the planes as they were recorded, and where they lie."""
    draws = np.random.default_rng(config.seed).standard_normal((len(light), 2))
    steps = np.rint(OVERSAMPLING * jitter_px * draws).astype(int)
    steps[len(light) // 2] = 0
    true = np.tile(np.eye(2, 3), (len(light), 1, 1))
    true[:, :, 2] = steps / OVERSAMPLING
    pairs = zip(light, steps, strict=True)
    planes = [_read(points, shape, step, config, z) for z, (points, step) in enumerate(pairs)]
    return np.array(planes), true


def _read(
    points: NDArray, shape: tuple[int, int], step: NDArray, config: RenderConfig, z: int
) -> NDArray:
    down, along = OVERSAMPLING * MARGIN_PX - step
    cut = points[down:, along:][: OVERSAMPLING * shape[0], : OVERSAMPLING * shape[1]]
    pixels = cut.reshape(shape[0], OVERSAMPLING, shape[1], OVERSAMPLING).mean(axis=(1, 3))
    return expose(pixels, config, z)
