"""How the pictures are put in front of the lens."""

from collections.abc import Callable
from functools import partial

import numpy as np
import scipy.ndimage

from napari_umis_fusion.synthetic import (
    Layer,
    Scene,
    SceneOptions,
    fractal_noise,
    smooth_field,
    tinted,
)
from quality_suite import pictures
from quality_suite.pictures import Floats

Cover = Callable[[SceneOptions], Floats]


def draped(view: SceneOptions, name: str, waves: float = 3) -> Scene:
    """Return a photograph draped over smooth hills."""
    hills = smooth_field(view.rng, view.shape, 0, view.planes - 1, waves)
    return Scene.from_depth(pictures.picture(view, name), hills)


def tilted(view: SceneOptions, name: str, angle: float) -> Scene:
    """Return a photograph on a plane that is tilted through all planes of the stack."""
    depth = pictures.slope(view, angle) * np.float32(view.planes - 1)
    return Scene.from_depth(pictures.picture(view, name), depth)


def before(
    view: SceneOptions, behind: str, covers: dict[float, Cover], names: tuple[str, ...]
) -> Scene:
    """Return opaque shapes, by their share of the depth, before a photograph far behind.

    They are filled with the photographs `names` in turn, or with noise where there are none.
    """
    layers = [Layer(pictures.picture(view, behind), view.depth(0))]
    for number, (share, cover) in enumerate(covers.items()):
        if names:
            texture = pictures.picture(view, names[number % len(names)])
        else:
            noise = fractal_noise(view.rng, view.shape, 0.9)
            texture = tinted(view.rng, noise, view.channels, 0.5)
        layers.append(Layer(texture, view.depth(share), cover(view)))
    return Scene(tuple(layers))


def photographed_depth(view: SceneOptions, scale: float, left: float) -> Scene:
    """Return the motorcycle, cut into slabs of depth that occlude each other.

    A slab continues beneath what is nearer by its nearest pixels: what blur uncovers there is
    not known.
    """
    light, near = pictures.motorcycle(view, scale, left)
    depth = near * np.float32(view.planes - 1)
    slabs = [_slab(light, depth, low, low > 0) for low in range(view.planes)]
    return Scene(tuple(slab for slab in slabs if slab is not None))


def _slab(light: Floats, depth: Floats, low: int, cut: bool) -> Layer | None:
    inside = np.rint(depth) == low
    if not inside.any():
        return None
    cover = np.asarray(np.rint(depth) >= low, np.float32) if cut else None
    return Layer(pictures.nearest_of(light, inside), pictures.nearest_of(depth, inside), cover)


def brightfield(view: SceneOptions, covers: tuple[Cover, ...]) -> Scene:
    """Return thin dark objects at several depths before a bright, almost flat background."""
    shade = smooth_field(view.rng, view.shape, 0.78, 0.9, waves=1.5)
    grain = 0.04 * (fractal_noise(view.rng, view.shape, 0.8) - 0.5)
    layers = [Layer(tinted(view.rng, shade + grain, view.channels, 0.1), view.depth(0))]
    for share, cover in zip(np.linspace(0, 1, len(covers)), covers, strict=True):
        dark = 0.05 + 0.35 * fractal_noise(view.rng, view.shape, 1.2)
        wave = smooth_field(view.rng, view.shape, -0.8, 0.8)
        depth = np.clip(view.depth(float(share)) + wave, 0, view.planes - 1)
        layers.append(Layer(tinted(view.rng, dark, view.channels, 0.3), depth, 0.85 * cover(view)))
    return Scene(tuple(layers))


def glowing(view: SceneOptions, covers: tuple[Cover, ...], brightness: float = 0.5) -> Scene:
    """Return shapes and spots that glow in the dark; their light adds up."""
    layers = []
    for share, cover in zip(np.linspace(0, 1, len(covers)), covers, strict=True):
        spots = (view.rng.random(view.shape) < 0.002).astype(np.float32)
        spots = scipy.ndimage.gaussian_filter(spots, 0.9) * np.float32(8)
        patches = np.clip(smooth_field(view.rng, view.shape, -0.5, 1, waves=2), 0, 1)
        thick = scipy.ndimage.gaussian_filter(cover(view), 1.0)
        light = np.clip(brightness * patches * (thick + spots), 0, 1)
        wave = smooth_field(view.rng, view.shape, -0.6, 0.6)
        depth = np.clip(view.depth(float(share)) + wave, 0, view.planes - 1)
        layers.append(Layer(pictures.coloured(view, np.asarray(light, np.float32)), depth))
    return Scene(tuple(layers), additive=True)


def relief(view: SceneOptions, name: str, sigma: float) -> Scene:
    """Return a photograph whose smoothed brightness is its height."""
    texture = pictures.picture(view, name)
    grey = texture if texture.ndim == 2 else texture.mean(axis=2)
    height = scipy.ndimage.gaussian_filter(grey, sigma * view.shape[1] / 512)
    height = (height - height.min()) / max(float(np.ptp(height)), 1e-6)
    return Scene.from_depth(texture, np.asarray(height * (view.planes - 1), np.float32))


def threads(width_px: float, waves: float) -> Cover:
    """Return what draws winding threads."""
    return partial(pictures.filaments, width_px=width_px, waves=waves)
