"""Thin transmitted specimens: cells that bend light, whose contrast inverts through focus.

In focus a cell is its absorption; out of focus its phase appears, with rings that are crisper than
anything that the cell shows in focus, and of opposite sign on the two sides. Sharpness alone
therefore prefers planes far out of focus inside of cells.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._camera import digitise, expose
from napari_umis_fusion.synthetic._config import RenderConfig
from napari_umis_fusion.synthetic._render import RenderedStack
from napari_umis_fusion.synthetic._shapes import log_uniform
from napari_umis_fusion.synthetic._transfer import (
    defocus_transfer,
    frequencies,
    smoothed,
    to_field,
    to_spectrum,
)

LAMP = 0.8
"""Light beside the cells; rings are brighter."""

MOST_CELLS = 14
"""Cells of a random smear: each is rendered in every plane."""

DEBRIS_SHARE = 0.25
"""Share of random smears with debris on another height."""

RINGS_PX2 = (100.0, 1200.0)
"""Wavelength times the depth of a random stack, over the area of a pixel."""

DAMPING_PX = (2.0, 20.0)
"""Blur radius over the depth of a random stack."""

_Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Smear:
    """A smear of thin cells, seen in transmitted light.

    Attributes
    ----------
    side_px : int
        Side of the square planes.
    cell_px : float
        Mean radius of the cells.
    cells : int
        Number of cells; those that find no free place are left out.
    height : float
        Mean depth of the cells, as a share of the stack: 0 to 1.
    phase : float
        Phase that the thickest part of a cell adds, in radians. Planes before the focus invert the
        contrast of cells with a negative one, and exaggerate that of the others.
    absorption : float
        Light that it absorbs, 0 to 1.
    debris : int
        Number of textured, absorbing discs without phase that lie on another height.
    wave_px2 : float
        Wavelength times the distance between planes, over the area of a pixel.
    damping_px : float
        Radius of the blur that one plane of defocus adds: the aperture of the condenser.
    seed : int
        Random seed of the cells.
    outline_px : float
        Width of the stained outline.
    grain : float
        Relative standard deviation of the stain.
    """

    side_px: int = 256
    cell_px: float = 30.0
    cells: int = 9
    height: float = 0.7
    phase: float = -1.2
    absorption: float = 0.7
    debris: int = 0
    wave_px2: float = 40.0
    damping_px: float = 0.8
    seed: int = 0
    outline_px: float = 1.2
    grain: float = 0.04

    def __post_init__(self) -> None:
        if self.side_px < 32 or not 4 <= self.cell_px <= self.side_px / 4:
            raise ConfigError(
                f"side_px is {self.side_px} and cell_px {self.cell_px:g}; accepted are a side of "
                "32 px or more, and a radius from 4 px to a quarter of it."
            )
        if not (0 <= self.height <= 1 and 0 <= self.absorption < 1):
            raise ConfigError(
                f"height is {self.height:g} and absorption {self.absorption:g}; accepted are 0 to "
                "1, and less than 1."
            )


@dataclass(frozen=True, slots=True)
class _Thing:
    """A cell or a piece of debris: missing light and phase, each (Y, X), at a depth in planes."""

    dark: Float32Array
    bent: Float32Array
    cover: Float32Array
    depth: float


def render_smear(smear: Smear, config: RenderConfig | None = None) -> RenderedStack:
    """Render the planes of a smear.

    Weak objects in partially coherent light: absorption is transferred with the cosine, phase with
    the sine of the defocus [1]_.

    Parameters
    ----------
    smear : Smear
        What lies on the slide.
    config : RenderConfig, optional
        Number of planes, noise and grey levels. Its blur is not used.

    Returns
    -------
    RenderedStack
        The stack and its truth: in focus, phase is invisible. Between the cells, where there is
        nothing to focus on, the depth is that of the cells. Equal seeds give equal stacks.

    References
    ----------
    .. [1] N. Streibl, "Three-dimensional imaging by a microscope", J. Opt. Soc. Am. A 2 (1985),
       https://doi.org/10.1364/JOSAA.2.000121
    """
    config = config or RenderConfig()
    light, truth, depth = light_of_smear(smear, config.planes)
    stack = np.empty(light.shape, config.dtype)
    for z, plane in enumerate(light):
        stack[z] = expose(plane, config, z)
    return RenderedStack(stack, digitise(truth, config), depth, config.grey_span, config.z_step_um)


def light_of_smear(smear: Smear, planes: int) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return the light of the planes (Z, Y, X), in focus (Y, X), and its depth in planes (Y, X)."""
    things = _things(smear, planes)
    side = smear.side_px
    slide = smear.height * (planes - 1)
    truth, depth = np.full((side, side), LAMP, np.float32), np.full((side, side), slide, np.float32)
    light = np.full((planes, side, side), LAMP, np.float32)
    for thing in things:
        truth *= 1 - thing.dark
        depth[thing.cover > 0.5] = thing.depth
        dark, bent = to_spectrum(thing.dark), to_spectrum(thing.bent)
        for z in range(planes):
            defocus = z - thing.depth
            angle = np.float32(np.pi * smear.wave_px2 * defocus) * frequencies(side)[0] ** 2
            fading = defocus_transfer(side, "gaussian", smear.damping_px * abs(defocus))
            fading = fading * np.exp(-((angle / 8) ** 2))
            missing = fading * (dark * np.cos(angle) - 2 * bent * np.sin(angle))
            light[z] *= np.clip(1 - to_field(missing, side), 0.05, None)
    return light, truth, depth


def random_smear(rng: _Random, side_px: int, planes: int) -> Smear:
    """Draw a smear that fits a stack: few large or many small cells, of either contrast."""
    radius = log_uniform(rng, min(8.0, side_px / 8), side_px / 5)
    room = min(MOST_CELLS, 0.5 * side_px**2 / (np.pi * radius**2))
    # The same rings over the whole depth, whether its planes are few or many.
    depth = max(planes, 4)
    return Smear(
        side_px=side_px,
        cell_px=radius,
        cells=int(rng.integers(int(2 + room / 4), int(3 + room))),
        height=rng.uniform(0, 1),
        phase=rng.choice([-1, 1]) * rng.uniform(0.3, 1.8),
        absorption=rng.uniform(0.2, 0.9),
        debris=int(rng.integers(1, 4)) if rng.random() < DEBRIS_SHARE else 0,
        wave_px2=log_uniform(rng, *RINGS_PX2) / depth,
        damping_px=log_uniform(rng, *DAMPING_PX) / depth,
        seed=int(rng.integers(2**31)),
        outline_px=rng.uniform(0.9, 2.5),
        grain=rng.uniform(0, 0.15),
    )


def _things(smear: Smear, planes: int) -> list[_Thing]:
    """Place cells where there is room, then debris anywhere."""
    rng = np.random.default_rng(smear.seed)
    slide = smear.height * (planes - 1)
    things: list[_Thing] = []
    taken = np.zeros((smear.side_px, smear.side_px), np.float32)
    for _ in range(smear.cells * 20):
        if len(things) == smear.cells:
            break
        radius = smear.cell_px * rng.uniform(0.8, 1.2)
        distance = _distances(rng, smear.side_px, radius)
        if taken[distance < 1.15].any():
            continue
        taken[distance < 1.0] = 1
        things.append(_cell(rng, smear, distance, slide + rng.uniform(-0.4, 0.4)))
    far = 0.0 if slide > (planes - 1) / 2 else planes - 1.0
    for _ in range(smear.debris):
        distance = _distances(rng, smear.side_px, smear.cell_px * rng.uniform(0.5, 0.8))
        things.append(_debris(rng, distance, (slide + 2 * far) / 3))
    return things


def _distances(rng: _Random, side: int, radius_px: float) -> Float32Array:
    """Return the distance of each pixel from a slightly oval centre, 1 at its outline."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    y, x = (
        y - rng.uniform(radius_px, side - radius_px),
        x - rng.uniform(radius_px, side - radius_px),
    )
    turn, oval = rng.uniform(0, np.pi), rng.uniform(0.85, 1.0)
    along, across = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
    return np.asarray(np.hypot(along, across / oval) / radius_px, np.float32)


def _cell(rng: _Random, smear: Smear, distance: Float32Array, depth: float) -> _Thing:
    """Return a cell that is thinner in its middle [1]_.

    References
    ----------
    .. [1] E. Evans and Y.-C. Fung, "Improved measurements of the erythrocyte geometry", Microvasc.
       Res. 4 (1972), https://doi.org/10.1016/0026-2862(72)90069-6
    """
    inside = np.clip(1 - distance**2, 0, 1)
    dent = rng.uniform(0.2, 0.6)
    thickness = np.sqrt(inside) * (dent + (1 - dent) * np.clip(2 * distance**2, 0, 1.2))
    # Rounded, so that what bends light is the whole cell and not its outline.
    thickness = smoothed(np.asarray(thickness / thickness.max(), np.float32), 0.1 * smear.cell_px)
    cover = np.asarray(distance < 1, np.float32)
    grain = scipy.ndimage.gaussian_filter(rng.standard_normal(distance.shape), 3)
    grain = 1 + smear.grain * grain / grain.std()
    # A stained outline is what one focuses on.
    outline = np.exp(-(((distance - 0.95) * smear.cell_px / smear.outline_px) ** 2))
    dark = smear.absorption * np.clip(0.4 * thickness * grain + 0.7 * outline, 0, 1)
    bent = smear.phase / 2 * thickness
    return _Thing(np.asarray(dark, np.float32), np.asarray(bent, np.float32), cover, depth)


def _debris(rng: _Random, distance: Float32Array, depth: float) -> _Thing:
    """Return a textured disc that absorbs."""
    cover = smoothed(np.asarray(distance < 1, np.float32), 0.7)
    grain = scipy.ndimage.gaussian_filter(rng.standard_normal(distance.shape), 1.5)
    dark = np.clip(0.5 + 0.2 * grain / grain.std(), 0.05, 0.95) * cover
    return _Thing(np.asarray(dark, np.float32), np.zeros_like(cover), cover, depth)
