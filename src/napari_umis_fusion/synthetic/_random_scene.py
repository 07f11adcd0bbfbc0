"""Random scenes for training: surfaces cut from sharp images, one behind another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._config import Psf
from napari_umis_fusion.synthetic._distribution import StackDistribution
from napari_umis_fusion.synthetic._shapes import (
    Random,
    hills,
    log_uniform,
    random_cover,
    random_depth,
)
from napari_umis_fusion.synthetic._transfer import smoothed

MIN_CONTRAST = 0.06
"""Smallest standard deviation of a crop. Others are drawn again: little can be learnt from them."""

TRIES = 3
"""Number of draws, of which the last resort is the crop with the highest standard deviation."""


MOST_WIDE = 2.0
"""Blur of stacks with wide blur, relative to the margin that bounds it elsewhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A layer of a random scene: light and cover (Y, X), 0 to 1, and depth in planes."""

    light: Float32Array
    cover: Float32Array | None
    depth: float | Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class RandomOptics:
    """Optics of a random stack.

    Attributes
    ----------
    side : int
        Side of the field, including the margin, in px.
    planes : int
        Number of planes.
    slope_px_per_plane : float
        Blur radius per plane of defocus.
    psf : {"disc", "gaussian"}
        Shape of the blur.
    lens_blur_px : float
        Blur in focus, sigma.
    """

    side: int
    planes: int
    slope_px_per_plane: float
    psf: Psf
    lens_blur_px: float

    @classmethod
    def draw(cls, rng: Random, spec: StackDistribution, side: int, planes: int) -> "RandomOptics":
        """Draw the optics; blur over the whole depth is at most the margin, unless it is wide."""
        low, high = spec.slope_px_per_plane
        widest: float = spec.margin_px
        if spec.imperfections and rng.random() < spec.imperfections.wide_share:
            # Beyond the margin, blur brings in what lies at the opposite end of the field.
            widest *= MOST_WIDE
        high = min(high, widest / max(planes - 1, 1))
        blurred = rng.random() < spec.lens_blur_share
        return cls(
            side,
            planes,
            log_uniform(rng, min(low, high), high),
            "disc" if rng.random() < 0.6 else "gaussian",
            log_uniform(rng, *spec.lens_blur_px) if blurred else 0.0,
        )


class RandomCrops:
    """Random square crops of sharp images.

    Parameters
    ----------
    images : sequence of ndarray of shape (Y, X)
        Grey, 0 to 1, float32.
    sources : sequence of str, optional
        Source of each image. All sources are drawn equally often, whatever their number of images.
    """

    def __init__(
        self, images: Sequence[Float32Array], sources: Sequence[str] | None = None
    ) -> None:
        names = list(sources) if sources is not None else [""] * len(images)
        self._groups = [
            [image for image, own in zip(images, names, strict=True) if own == name]
            for name in sorted(set(names))
        ]

    def draw(self, rng: Random, side: int) -> Float32Array:
        """Draw a crop (Y, X), 0 to 1: rotated, scaled, with random contrast, maybe inverted."""
        best = self._cut(rng, side)
        for _ in range(TRIES - 1):
            if best.std() > MIN_CONTRAST:
                break
            best = max(best, self._cut(rng, side), key=np.std)
        crop = _rotated_or_mirrored(rng, _resized(best, side))
        # A sample of the pixels suffices.
        dark, bright = np.percentile(crop[::4, ::4], (1, 99))
        crop = np.clip((crop - dark) / max(bright - dark, 0.08), 0, 1)
        crop = crop if rng.random() < 0.7 else 1 - crop
        crop = crop ** float(np.exp(rng.normal(0, 0.3)))
        span = rng.uniform(0.35, 1)
        return np.asarray(rng.uniform(0, 1 - span) + span * crop, np.float32)

    def _cut(self, rng: Random, side: int) -> Float32Array:
        group = self._groups[rng.integers(len(self._groups))]
        image = group[rng.integers(len(group))]
        shrunk = rng.uniform(1, 2) if rng.random() < 0.6 else 1.0
        size = min(math.ceil(side * shrunk), *image.shape)
        y, x = (rng.integers(n - size + 1) for n in image.shape)
        return image[y : y + size, x : x + size]


def _resized(crop: Float32Array, side: int) -> Float32Array:
    if len(crop) == side:
        return crop
    method = Image.Resampling.LANCZOS if len(crop) > side else Image.Resampling.BICUBIC
    picture = Image.fromarray(np.ascontiguousarray(crop, np.float32))
    return np.asarray(picture.resize((side, side), method), np.float32)


def _rotated_or_mirrored(rng: Random, crop: Float32Array) -> Float32Array:
    """Return one of the eight symmetries of a square."""
    crop = np.rot90(crop, int(rng.integers(4)))
    return crop.T if rng.random() < 0.5 else crop


def random_surfaces(
    rng: Random, spec: StackDistribution, optics: RandomOptics, crops: RandomCrops
) -> list[Surface]:
    """Draw opaque surfaces from back to front, seen through the lens in focus."""
    most, crowded = spec.layers[1], False
    if spec.imperfections and rng.random() < spec.imperfections.crowded_share:
        most, crowded = 2 * most, True
    count = rng.integers(spec.layers[0], most + 1)
    surfaces = [_random_surface(rng, spec, optics, crops, front=k > 0) for k in range(count)]
    if crowded:
        surfaces = [_toned(rng, surface) for surface in surfaces]
    return [_blur_by_lens(surface, optics.lens_blur_px) for surface in surfaces]


def _random_surface(
    rng: Random, spec: StackDistribution, optics: RandomOptics, crops: RandomCrops, *, front: bool
) -> Surface:
    side = optics.side
    light = crops.draw(rng, side)
    if rng.random() < spec.flat_share:
        light = _fading(rng, light)
    if front and rng.random() < 0.25:  # hardly any texture of its own
        light = rng.uniform(0.05, 0.95) + 0.15 * rng.random() * (light - light.mean())
    cover = random_cover(rng, side) if front else None
    if cover is not None and rng.random() < 0.15:  # translucent
        cover = cover * np.float32(rng.uniform(0.4, 1))
    light = np.asarray(np.clip(light, 0, 1), np.float32)
    return Surface(light, cover, random_depth(rng, side, optics.planes))


def _toned(rng: Random, surface: Surface) -> Surface:
    """Draw another brightness for a surface, so that its borders are strong edges."""
    span = rng.uniform(0.3, 0.7)
    light = rng.uniform(0, 1 - span) + span * surface.light
    return replace(surface, light=np.asarray(light, np.float32))


def _fading(rng: Random, light: Float32Array) -> Float32Array:
    """Let the texture fade to none in patches."""
    side = len(light)
    share = np.clip(hills(rng, side, rng.uniform(0.5, 2)) * 2 - rng.uniform(0, 0.9), 0, 1)
    shade = smoothed(light, 8.0) if rng.random() < 0.5 else light.mean()
    return np.asarray(shade + (light - shade) * share * rng.uniform(0.2, 1), np.float32)


def _blur_by_lens(surface: Surface, sigma_px: float) -> Surface:
    light, cover = surface.light, surface.cover
    if sigma_px == 0:
        return surface
    if cover is None:
        return Surface(smoothed(light, sigma_px), None, surface.depth)
    seen = np.clip(smoothed(cover, sigma_px), 0, 1)
    through = smoothed(light * cover, sigma_px) / np.maximum(seen, 1e-4)
    return Surface(np.clip(through, 0, 1), seen, surface.depth)
