"""One stack of a suite: what is in front of the lens, and how it is photographed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.truths import Example
from napari_umis_fusion.synthetic import RenderConfig, Scene, SceneOptions, render_stack

NOISE_150 = {"photon_electrons": 150.0, "read_electrons": 2.0}
NOISE_200 = {"photon_electrons": 200.0, "read_electrons": 2.0}

Build = Callable[[SceneOptions], Scene]


@dataclass(frozen=True, slots=True)
class Row:
    """A rendered stack.

    Attributes
    ----------
    name : str
        As it stands in the tables.
    kind : str
        "smooth", "occlusion", "weak", "real depth", "additive" or "haze", and "clean" or "noisy".
    build : callable
        Makes the `Scene` from a `SceneOptions`.
    seed : int
        Of the scene and of its noise.
    channels : int or None
        3: colour. None: no channel axis.
    options : dict
        Fields of `RenderConfig`.
    """

    name: str
    kind: str
    build: Build
    seed: int
    channels: int | None = 3
    options: dict[str, Any] = field(default_factory=dict)

    def render(self, side_px: int) -> Example:
        """Render it, `side_px` wide and three quarters of that high."""
        config = RenderConfig(seed=self.seed, **self.options)
        shape = (side_px * 3 // 4, side_px)
        view = SceneOptions(shape, config.planes, self.channels, np.random.default_rng(self.seed))
        made = render_stack(self.build(view), config)
        grey_range = (config.offset, config.offset + made.data_range)
        return Example(made.stack, grey_range, made.all_in_focus, made.sub_plane_map)


def clean_and_noisy(
    name: str,
    kind: str,
    build: Build,
    seed: int,
    *,
    channels: int | None = 3,
    noise: dict[str, float] = NOISE_200,
    **options: Any,
) -> tuple[Row, Row]:
    """Return one scene without noise and with it."""
    clean = Row(f"{name} clean", f"{kind} clean", build, seed, channels, options)
    return clean, Row(f"{name} noisy", f"{kind} noisy", build, seed, channels, {**options, **noise})
