"""A second renderer: rays from each pixel through the lens to a relief, one by one.

`render_stack` blurs layers and composites them; this one follows light, so that a surface hides
parts of itself, slopes are shaded, and blur varies continuously. A measure that is right on both
has not learnt the peculiarities of one.
"""

from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import AnyArray, Float32Array, Workers, kernel
from napari_umis_fusion.synthetic._camera import digitise, expose
from napari_umis_fusion.synthetic._config import RenderConfig
from napari_umis_fusion.synthetic._render import RenderedStack

STEP_PX = 0.5
"""Longest lateral step of a ray while it looks for the surface."""

REFINEMENTS = 5
"""Halvings of the step in which a ray met the surface."""

_LENS, _PATTERN = 7, 8  # random streams; those below are the camera's and the sensor's


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """A surface that is seen from above.

    Attributes
    ----------
    texture : ndarray of shape (Y, X), float32
        Reflectance, 0 to 1.
    depth : ndarray of shape (Y, X), float32
        In planes; what is higher is nearer to the lens.
    shading : float
        Share of the light, 0 to 1, that comes from the side and shades slopes.
    height_px : float
        Height of a plane in px, which makes slopes of depths.
    """

    texture: Float32Array
    depth: Float32Array
    shading: float = 0.3
    height_px: float = 2.0

    def __post_init__(self) -> None:
        if self.texture.ndim != 2 or self.texture.shape != self.depth.shape:
            raise ConfigError(
                f"texture and depth have shapes {self.texture.shape} and {self.depth.shape}; "
                "accepted are two of one shape (Y, X)."
            )
        if min(self.depth.shape) < 2:
            raise ConfigError(f"depth has shape {self.depth.shape}; accepted is at least 2 x 2 px.")
        finite = np.isfinite(self.texture).all() and np.isfinite(self.depth).all()
        if not finite or self.texture.min() < 0 or self.texture.max() > 1:
            raise ConfigError(
                "texture and depth must be finite, and the texture from 0 to 1: scale it."
            )

    def light(self) -> Float32Array:
        """Return the light (Y, X) that the surface sends to the lens."""
        rise_y, rise_x = np.gradient(self.depth * np.float32(self.height_px))
        # A lamp from the upper left, 45 degrees high.
        towards = (1 + rise_y * np.sqrt(0.5) + rise_x * np.sqrt(0.5)) / np.sqrt(2)
        lit = np.clip(towards / np.sqrt(1 + rise_y**2 + rise_x**2), 0, 1)
        return np.asarray(self.texture * (1 - self.shading + self.shading * lit), np.float32)


def trace_stack(
    relief: Relief, config: RenderConfig | None = None, *, rays: int = 32, pattern: float = 0.0
) -> RenderedStack:
    """Trace the planes of a relief through a thin lens, plane 0 focused on depth 0.

    The lens is telecentric, as that of a microscope: planes are not magnified by focus. A ray
    leaves a random point of the pixel through a random point of the round aperture, and stops
    where it first meets the surface.

    Parameters
    ----------
    relief : Relief
        The surface.
    config : RenderConfig, optional
        Options of rendering. The lens, flicker and haze are not used: `psf`, `base_blur_px`,
        `flicker` and `haze` stay at their defaults.
    rays : int
        Rays per pixel and plane.
    pattern : float
        Standard deviation of noise that is the same in all planes, of full scale.

    Returns
    -------
    RenderedStack
        The stack and its truth. Equal seeds give equal stacks.

    Raises
    ------
    ConfigError
        If there is no ray, or an option is set that is not used.
    """
    config = config or RenderConfig()
    if rays < 1 or pattern < 0:
        raise ConfigError(f"rays is {rays} and pattern {pattern}; accepted are 1 and 0, or more.")
    usual = RenderConfig()
    for name in ("psf", "base_blur_px", "flicker", "haze"):
        if getattr(config, name) != getattr(usual, name):
            raise ConfigError(f"{name} is not used by ray tracing; leave it out.")
    light, depth = relief.light(), np.asarray(relief.depth, np.float32)
    shared = np.random.default_rng([config.seed, _PATTERN]).standard_normal(depth.shape)
    stack = np.empty((config.planes, *depth.shape), config.dtype)
    with Workers(0) as workers:
        jobs = [workers.submit(_trace, light, depth, config, z, rays) for z in range(config.planes)]
        for z, job in enumerate(jobs):
            seen = job.result() + np.float32(pattern) * shared
            stack[z] = expose(np.asarray(seen, np.float32), config, z)
    truth = np.empty_like(light)
    samples = _samples(config.seed, config.planes, rays)
    _trace_plane(light, depth, _span(depth), 0.0, 0.0, samples, truth)
    return RenderedStack(stack, digitise(truth, config), depth, config.grey_span, config.z_step_um)


def _trace(
    light: Float32Array, depth: Float32Array, config: RenderConfig, z: int, rays: int
) -> Float32Array:
    plane = np.empty_like(light)
    samples = _samples(config.seed, z, rays)
    slope = config.slope_px_per_plane
    _trace_plane(light, depth, _span(depth), float(z), slope, samples, plane)
    return plane


def _span(depth: Float32Array) -> tuple[float, float]:
    """Return the nearest and the farthest depth, with a little beyond."""
    return float(depth.max()) + 1e-3, float(depth.min()) - 1e-3


def _samples(seed: int, z: int, rays: int) -> Float32Array:
    """Draw 64 sets of points of the pixel and of the aperture: (64, rays, 4).

    The points of a set are spread evenly: their radii are stratified, their angles turn by the
    golden angle.
    """
    rng = np.random.default_rng([seed, _LENS, z])
    sets = 64
    order = np.arange(rays) + rng.random((sets, rays))
    radius = np.sqrt(order / rays)
    turn = np.arange(rays) * np.pi * (3 - np.sqrt(5)) + rng.uniform(0, 2 * np.pi, (sets, 1))
    lens = radius * np.sin(turn), radius * np.cos(turn)
    pixel = rng.random((2, sets, rays)) - 0.5
    return np.stack([*pixel, *lens], axis=2).astype(np.float32)


@kernel
def _at(image: AnyArray, y: float, x: float) -> float:
    """Interpolate an image (Y, X) linearly; beyond its edges it goes on as there."""
    height, width = image.shape
    y = min(max(y, 0.0), height - 1.0)
    x = min(max(x, 0.0), width - 1.0)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    down, right = y - top, x - left
    upper = image[top, left] * (1 - right) + image[top, left + 1] * right
    lower = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    value: float = upper * (1 - down) + lower * down
    return value


@kernel
def _trace_plane(
    light: AnyArray,
    depth: AnyArray,
    span: tuple[float, float],
    focus: float,
    slope: float,
    samples: AnyArray,
    plane: AnyArray,
) -> None:
    """Fill a plane (Y, X) that is focused on a depth, with `slope` px of blur per plane."""
    nearest, farthest = span
    sets, rays = samples.shape[:2]
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            # Neighbouring pixels use other sets, in an order without lines.
            chosen = (y * 29 + x * 37 + (y * x) % 11) % sets
            total = 0.0
            for ray in range(rays):
                from_y, from_x = y + samples[chosen, ray, 0], x + samples[chosen, ray, 1]
                lean_y, lean_x = slope * samples[chosen, ray, 2], slope * samples[chosen, ray, 3]
                lean = np.sqrt(lean_y * lean_y + lean_x * lean_x)
                steps = max(int(np.ceil((nearest - farthest) * lean / STEP_PX)), 1)
                step = (nearest - farthest) / steps
                above = nearest
                for _ in range(steps):
                    below = above - step
                    away = below - focus
                    if _at(depth, from_y + lean_y * away, from_x + lean_x * away) >= below:
                        break
                    above = below
                low, high = above - step, above
                for _ in range(REFINEMENTS):
                    middle = 0.5 * (low + high)
                    away = middle - focus
                    if _at(depth, from_y + lean_y * away, from_x + lean_x * away) >= middle:
                        low = middle
                    else:
                        high = middle
                away = low - focus
                total += _at(light, from_y + lean_y * away, from_x + lean_x * away)
            plane[y, x] = total / rays
