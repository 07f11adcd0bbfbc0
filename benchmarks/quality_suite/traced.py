"""Stacks of the second renderer: reliefs that are traced ray by ray, with their depth."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.truths import Example
from napari_umis_fusion.synthetic import (
    Relief,
    RenderConfig,
    SceneOptions,
    fractal_noise,
    smooth_field,
    trace_stack,
)
from quality_suite import pictures
from quality_suite.pictures import Floats

Heights = Callable[[SceneOptions], Floats]


@dataclass(frozen=True, slots=True)
class TracedRow:
    """A traced stack; has the attributes of a `Row`.

    Attributes
    ----------
    name, kind, seed, options
        As of a `Row`; without a channel axis.
    heights : callable
        Makes heights, 0 to 1, from a `SceneOptions`.
    picture : str
        Photograph of the surface; empty for fractal noise.
    pattern : float
        Noise that all planes share, of full scale.
    """

    name: str
    kind: str
    heights: Heights
    seed: int
    picture: str = ""
    pattern: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)

    def render(self, side_px: int) -> Example:
        """Trace it, `side_px` wide and three quarters of that high."""
        config = RenderConfig(seed=self.seed, **self.options)
        shape = (side_px * 3 // 4, side_px)
        view = SceneOptions(shape, config.planes, None, np.random.default_rng(self.seed))
        noise = np.clip(0.15 + 0.7 * fractal_noise(view.rng, shape, 0.9), 0, 1)
        texture = pictures.picture(view, self.picture) if self.picture else noise
        depth = self.heights(view) * np.float32(config.planes - 1)
        relief = Relief(np.asarray(texture, np.float32), np.asarray(depth, np.float32))
        made = trace_stack(relief, config, pattern=self.pattern)
        grey_range = (config.offset, config.offset + made.data_range)
        return Example(made.stack, grey_range, made.all_in_focus, made.sub_plane_map)


def ramp(view: SceneOptions, angle: float) -> Floats:
    """Return a plane that is tilted through all planes of the stack."""
    return pictures.slope(view, angle)


def balls(view: SceneOptions, count: int) -> Floats:
    """Return half spheres on a level ground."""
    rows, columns = view.grid()
    heights = np.zeros(view.shape, np.float32)
    largest = view.shape[1] / 6
    for _ in range(count):
        row, column = (view.rng.uniform(0, n) for n in view.shape)
        radius = view.rng.uniform(0.3, 1) * largest
        inside = radius**2 - (rows - row) ** 2 - (columns - column) ** 2
        heights = np.maximum(heights, np.sqrt(np.maximum(inside, 0)) / largest)
    return np.asarray(heights, np.float32)


def stones(view: SceneOptions, roughness: float) -> Floats:
    """Return rough hills."""
    rough = roughness * fractal_noise(view.rng, view.shape, 1.6)
    heights = rough + (1 - roughness) * smooth_field(view.rng, view.shape, 0, 1, 3)
    return np.asarray((heights - heights.min()) / np.ptp(heights), np.float32)
