"""Predefined scenes, each with a different difficulty, and the stack of the demo."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import scipy.ndimage

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._config import RenderConfig
from napari_umis_fusion.synthetic._render import RenderedStack, render_stack
from napari_umis_fusion.synthetic._scene import Layer, Scene
from napari_umis_fusion.synthetic._textures import fractal_noise, photograph, smooth_field, tinted


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """Options for building a scene.

    Attributes
    ----------
    shape : tuple of int
        (Y, X).
    planes : int
        Depths range from 0 to planes - 1.
    channels : int or None
        Channels of the texture; None: no channel axis.
    rng : numpy.random.Generator
        Source of every random choice.
    """

    shape: tuple[int, int]
    planes: int
    channels: int | None
    rng: np.random.Generator

    def depth(self, share: float) -> float:
        """Return the depth, a whole plane, at a share (0 to 1) of the stack."""
        return float(round(share * (self.planes - 1)))

    def grid(self) -> tuple[Float32Array, Float32Array]:
        """Return rows (Y, 1) and columns (1, X) as float32."""
        rows, columns = (np.arange(n, dtype=np.float32) for n in self.shape)
        return rows[:, None], columns[None, :]


def bumps(view: SceneOptions) -> Scene:
    """Return one photograph draped over smooth hills."""
    texture = photograph("astronaut", view.shape, view.channels)
    hills = smooth_field(view.rng, view.shape, 0, view.planes - 1)
    return Scene.from_depth(texture, hills)


def discs(view: SceneOptions) -> Scene:
    """Return opaque discs at several depths before a photograph far behind."""
    layers = [Layer(photograph("coffee", view.shape, view.channels), view.depth(0))]
    side = min(view.shape)
    for share in (0.4, 0.7, 1.0):
        cover = np.zeros(view.shape, np.float32)
        for _ in range(3):
            cover = np.maximum(cover, _disc(view, side * view.rng.uniform(0.06, 0.13)))
        layers.append(_textured(view, cover, view.depth(share)))
    return Scene(tuple(layers))


def bars(view: SceneOptions) -> Scene:
    """Return thin opaque bars, 2 to 8 px wide, criss-cross before a tilted photograph."""
    rows, _ = view.grid()
    tilt = rows / np.float32(max(view.shape[0] - 1, 1)) * np.float32(view.depth(0.4))
    tilt = np.repeat(tilt, view.shape[1], axis=1)
    layers = [Layer(photograph("chelsea", view.shape, view.channels), tilt)]
    for share, angle in ((0.65, 0.4), (0.85, 1.9), (1.0, 1.2)):
        turn = angle + view.rng.uniform(-0.2, 0.2)
        layers.append(_textured(view, _stripes(view, turn), view.depth(share)))
    return Scene(tuple(layers))


def weak_texture(view: SceneOptions) -> Scene:
    """Return a tilted wavy surface whose texture fades to flat grey in patches."""
    texture = photograph("gravel", view.shape, view.channels)
    patches = smooth_field(view.rng, view.shape, -0.6, 1.4, waves=4)
    contrast = np.clip(patches, 0, 1)
    if texture.ndim == 3:
        contrast = contrast[..., None]
    shade = smooth_field(view.rng, view.shape, 0.35, 0.65)
    shade = shade if texture.ndim == 2 else shade[..., None]
    depth = smooth_field(view.rng, view.shape, 0, view.planes - 1, waves=2)
    return Scene.from_depth(np.clip(shade + contrast * (texture - 0.5), 0, 1), depth)


def fluorescence(view: SceneOptions) -> Scene:
    """Return filaments and spots that glow in the dark, at several depths; their light adds up."""
    layers = []
    for share in np.linspace(0, 1, 4):
        wave = smooth_field(view.rng, view.shape, -0.7, 0.7)
        depth = np.clip(view.depth(float(share)) + wave, 0, view.planes - 1)
        emitters = [_emitters(view, k) for k in range(view.channels or 1)]
        light = emitters[0] if view.channels is None else np.stack(emitters, axis=2)
        layers.append(Layer(light, depth))
    return Scene(tuple(layers), additive=True)


@dataclass(frozen=True, slots=True)
class SceneRecipe:
    """How to build and render a scene, with and without noise.

    Attributes
    ----------
    build : callable
        Builds a `Scene` from `SceneOptions`.
    clean, noisy : RenderConfig
        Options without and with photon and read noise.
    channels : int or None
        Default number of channels of the texture.
    """

    build: Callable[[SceneOptions], Scene]
    clean: RenderConfig
    noisy: RenderConfig
    channels: int | None = 3


def _recipe(
    build: Callable[[SceneOptions], Scene], channels: int | None = 3, **options: Any
) -> SceneRecipe:
    clean = RenderConfig(**options)
    noisy = replace(clean, photon_electrons=200.0, read_electrons=2.0)
    return SceneRecipe(build, clean, noisy, channels)


SCENES: dict[str, SceneRecipe] = {
    "bumps": _recipe(bumps),
    "discs": _recipe(discs),
    "bars": _recipe(bars, slope_px_per_plane=0.8),
    "weak_texture": _recipe(weak_texture),
    "fluorescence": _recipe(
        fluorescence, None, psf="gaussian", dtype="uint16", full_scale=4000.0, offset=200.0
    ),
}


def make_scene(
    name: str,
    shape: tuple[int, int] = (384, 512),
    *,
    planes: int = 10,
    channels: int | Literal["default"] | None = "default",
    seed: int = 0,
) -> Scene:
    """Make one of `SCENES`.

    Parameters
    ----------
    name : str
        A key of `SCENES`.
    shape : tuple of int
        (Y, X).
    planes : int
        Depths range from 0 to planes - 1.
    channels : int or None, optional
        Channels of the texture; None: no channel axis. By default those of the recipe.
    seed : int
        Seed of every random choice.

    Returns
    -------
    Scene
        Equal arguments give equal scenes.

    Raises
    ------
    ConfigError
        If there is no such scene.
    """
    recipe = _find(name)
    count = recipe.channels if channels == "default" else channels
    return recipe.build(SceneOptions(shape, planes, count, np.random.default_rng(seed)))


def make_stack(
    name: str,
    shape: tuple[int, int] = (384, 512),
    *,
    planes: int = 10,
    noisy: bool = False,
    seed: int = 0,
    channels: int | Literal["default"] | None = "default",
    **options: Any,
) -> RenderedStack:
    """Make one of `SCENES` and render it as a stack.

    Parameters
    ----------
    name, shape, planes, seed, channels
        See `make_scene`.
    noisy : bool
        Whether the stack is rendered with the noise of the recipe; otherwise it is clean.
    **options
        Fields of `RenderConfig` that replace those of the recipe.

    Returns
    -------
    RenderedStack
        The stack of shape (Z, Y, X) or (Z, Y, X, C), and its truth.

    Raises
    ------
    ConfigError
        If there is no such scene, or an option is not accepted.

    Examples
    --------
    >>> make_stack("bumps", (64, 80), planes=4, channels=None).stack.shape
    (4, 64, 80)
    """
    recipe = _find(name)
    scene = make_scene(name, shape, planes=planes, channels=channels, seed=seed)
    config = recipe.noisy if noisy else recipe.clean
    return render_stack(scene, replace(config, planes=planes, seed=seed, **options))


def demo_stack() -> RenderedStack:
    """Render the demo's stack: 12 planes of 384 x 512, RGB, uint8, occlusion and mild noise."""
    return make_stack("discs", planes=12, photon_electrons=4000.0, read_electrons=6.0, seed=7)


def _find(name: str) -> SceneRecipe:
    if name not in SCENES:
        raise ConfigError(f"the scene is {name!r}; accepted are {', '.join(SCENES)}.")
    return SCENES[name]


def _disc(view: SceneOptions, radius: float) -> Float32Array:
    """Return the antialiased cover of a disc at a random position."""
    rows, columns = view.grid()
    centre = [view.rng.uniform(0.1, 0.9) * n for n in view.shape]
    distance = np.hypot(rows - np.float32(centre[0]), columns - np.float32(centre[1]))
    return np.asarray(np.clip(radius + 0.5 - distance, 0, 1), np.float32)


def _stripes(view: SceneOptions, angle: float) -> Float32Array:
    """Return the antialiased cover of a few parallel bars of random width and position."""
    rows, columns = view.grid()
    across = columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    cover = np.zeros(view.shape, np.float32)
    for start in np.linspace(across.min(), across.max(), 5)[:-1]:
        centre = start + view.rng.uniform(0.2, 0.8) * np.ptp(across) / 4
        half = view.rng.uniform(1, 4)
        cover = np.maximum(cover, np.clip(half + 0.5 - np.abs(across - np.float32(centre)), 0, 1))
    return np.asarray(cover, np.float32)


def _textured(view: SceneOptions, cover: Float32Array, depth: float) -> Layer:
    texture = fractal_noise(view.rng, view.shape, 0.9)
    return Layer(tinted(view.rng, texture, view.channels, 0.5), depth, cover)


def _emitters(view: SceneOptions, channel: int) -> Float32Array:
    """Return sparse light, 0 to 1: filaments in even channels, spots in odd, a little of both."""
    ridge = np.abs(smooth_field(view.rng, view.shape, -1, 1, waves=6))
    slope = np.hypot(*np.gradient(ridge)) + 1e-4
    filaments = np.exp(-((ridge / slope / 1.2) ** 2))
    spots = (view.rng.random(view.shape) < 0.0015).astype(np.float32)
    spots = 12 * scipy.ndimage.gaussian_filter(spots, 1.2)
    mixed = filaments + 0.5 * spots if channel % 2 == 0 else spots
    patches = np.clip(smooth_field(view.rng, view.shape, -0.5, 1.0, waves=2), 0, 1)
    return np.asarray(np.clip(0.6 * mixed * patches, 0, 1), np.float32)
