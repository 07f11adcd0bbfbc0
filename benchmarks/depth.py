"""How flat a flat tilted target comes out, by fit, and whether errors are what they are said to be.

See ``README.md`` for what the tables mean. Everything printed is Markdown.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from harness.depth_fits import FITS, Flatness, fits_of, flatness
from harness.tables import heading, table
from napari_umis_fusion import fuse
from napari_umis_fusion.synthetic import (
    Relief,
    RenderConfig,
    RenderedStack,
    Scene,
    SceneOptions,
    fractal_noise,
    render_stack,
    trace_stack,
)
from quality_suite import pictures

PLANES = 8
SHAPE = (144, 224)
MEASURES = ("learned", "laplacian")
NOISES = {"clean": None, "1000 electrons": 1000.0, "150 electrons": 150.0}
METRICS = (("Root mean square error", "rms"), ("Mean error", "bias"), ("Staircase", "staircase"))

Render = Callable[[SceneOptions, RenderConfig], RenderedStack]


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one fusion: errors by fit, and shares within one and two standard errors."""

    target: str
    measure: str
    fits: dict[str, Flatness]
    within: tuple[float, float]


def slanted(view: SceneOptions) -> pictures.Floats:
    """Return depths that rise through all planes but the ends, in a random direction."""
    slope = pictures.slope(view, float(view.rng.uniform(0, 2 * np.pi)))
    return np.asarray(0.6 + slope * (view.planes - 2.2), np.float32)


def traced(view: SceneOptions, config: RenderConfig) -> RenderedStack:
    """Trace rays to a slope of fractal noise."""
    light = np.clip(0.15 + 0.7 * fractal_noise(view.rng, view.shape, 0.9), 0, 1)
    return trace_stack(Relief(np.asarray(light, np.float32), slanted(view)), config)


def photographed(view: SceneOptions, config: RenderConfig, name: str) -> RenderedStack:
    """Render a photograph on a slope."""
    return render_stack(Scene.from_depth(pictures.picture(view, name), slanted(view)), config)


TARGETS: dict[str, Render] = {
    "traced": traced,
    "gravel": partial(photographed, name="gravel"),
    "moon": partial(photographed, name="moon"),
}


def run(seeds: int) -> Iterator[Found]:
    """Fuse every target with every noise, and say how far it is."""
    for kind, render in TARGETS.items():
        for noise, electrons in NOISES.items():
            target = f"{kind}, {noise}"
            print(target, file=sys.stderr)
            for seed in range(seeds):
                config = RenderConfig(planes=PLANES, photon_electrons=electrons, seed=seed)
                view = SceneOptions(SHAPE, PLANES, None, np.random.default_rng(seed))
                made = render(view, config)
                for measure in MEASURES:
                    yield look(target, measure, made)


def look(target: str, measure: str, made: RenderedStack) -> Found:
    """Fuse a stack, and compare it with the truth."""
    result = fuse(made.stack, focus_measure=measure, depth_error=True)
    truth = made.sub_plane_map.astype(float)
    everywhere = np.ones(truth.shape, bool)
    positions = fits_of(made.stack, result)
    fits = {name: flatness(one, truth, everywhere) for name, one in positions.items()}
    away, error = np.abs(result.sub_plane_map - truth), result.sub_plane_error_map
    right = np.abs(result.index_map - truth) < 1
    one, two = (float((away < k * error)[right].mean()) for k in (1, 2))
    return Found(target, measure, fits, (one, two))


def print_tables(found: list[Found]) -> None:
    """Print a table for each metric, and one of the standard errors."""
    keys = list(dict.fromkeys((one.measure, one.target) for one in found))
    alike = {key: [one for one in found if (one.measure, one.target) == key] for key in keys}
    for title, metric in METRICS:
        print(heading(f"{title}, planes: mean of seeds"))
        print(table(("target", *FITS), [_row(key, alike[key], metric) for key in keys]))
    print(heading("Within one and two standard errors, where the plane is right, %"))
    lines = []
    for key in keys:
        shares = 100 * np.mean([one.within for one in alike[key]], axis=0)
        lines.append((", ".join(key), *(f"{share:.0f}" for share in shares)))
    print(table(("target", "one", "two"), lines))


def _row(key: tuple[str, str], found: list[Found], metric: str) -> tuple[str, ...]:
    means = (np.mean([getattr(one.fits[name], metric) for one in found]) for name in FITS)
    form = "{:+.3f}" if metric == "bias" else "{:.3f}"
    return ", ".join(key), *(form.format(mean) for mean in means)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="stacks of each target")
    print_tables(list(run(parser.parse_args().seeds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
