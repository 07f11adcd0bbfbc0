"""The damage that a stack takes on its way from the lens to the disk; see `Imperfections`.

What stands still on the sensor is in all planes alike and decides nothing: it is in the recorded
planes only. What spoils single planes also spoils the values that they have to offer, so that a
spoilt plane is never what a network should choose.
"""

from dataclasses import dataclass, field

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._imperfections import Imperfections
from napari_umis_fusion.synthetic._sensor import shading
from napari_umis_fusion.synthetic._shapes import Random, log_uniform

MOST_ILL = 0.25
"""Largest share of ill planes of a stack; at least one plane may be ill."""

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class IllPart:
    """A part of a plane that was not recorded: plane, window (Y, X) and its constant value."""

    z: int
    window: Window
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Damage:
    """The damage of one stack; by default none.

    Attributes
    ----------
    gain, offset : ndarray of shape (Y, X) or scalar
        Pattern of the sensor: factor of the light, and what is added, of full scale.
    hot : ndarray of shape (Y, X), bool, or None
        Pixels that are always white.
    specks : ndarray of shape (Z, Y, X) or scalar
        Light that single planes receive in addition.
    exposure : ndarray of shape (Z, 1, 1) or scalar
        Relative exposure of the planes.
    bands : ndarray of shape (Z, Y, 1), (Z, 1, X) or scalar
        What is added to rows or columns, other in each plane.
    quality : int or None
        Quality of a JPEG compression with visible blocks.
    ill : tuple of IllPart
        What was not recorded.
    """

    gain: Float32Array = field(default_factory=lambda: np.ones((), np.float32))
    offset: Float32Array = field(default_factory=lambda: np.zeros((), np.float32))
    hot: NDArray[np.bool_] | None = None
    specks: Float32Array = field(default_factory=lambda: np.zeros((), np.float32))
    exposure: Float32Array = field(default_factory=lambda: np.ones((), np.float32))
    bands: Float32Array = field(default_factory=lambda: np.zeros((), np.float32))
    quality: int | None = None
    ill: tuple[IllPart, ...] = ()

    @classmethod
    def draw(cls, rng: Random, like: Imperfections | None, shape: tuple[int, int, int]) -> "Damage":
        """Draw the damage of a stack of `shape` (Z, Y, X)."""
        if like is None:
            return cls()
        # All are drawn by the same numbers, whatever their shares.
        drawn = dict(zip(_DRAWN, rng.random(len(_DRAWN)), strict=True))
        has = {name: draw < getattr(like, f"{name}_share") for name, draw in drawn.items()}
        planes, size = shape[0], shape[1:]
        return cls(
            gain=_gain(rng, has, like, size),
            offset=_offset(rng, like, size) if has["pattern"] else np.zeros((), np.float32),
            hot=rng.random(size) < log_uniform(rng, 1e-4, 3e-3) if has["hot"] else None,
            specks=_specks(rng, like, shape) if has["speck"] else np.zeros((), np.float32),
            exposure=_exposure(rng, like, planes) if has["exposure"] else np.ones((), np.float32),
            bands=_bands(rng, like, shape) if has["banding"] else np.zeros((), np.float32),
            quality=int(rng.integers(15, 60)) if has["blocks"] else None,
            ill=_ill_parts(rng, shape) if has["ill"] else (),
        )

    def of_light(self, clean: Float32Array) -> Float32Array:
        """Return light (Z, Y, X) with specks; planes exposed too long are clipped at full scale."""
        light = clean + self.specks
        return np.where(self.exposure > 1, np.minimum(light, 1 / self.exposure), light)

    def of_sensor(self, light: Float32Array) -> Float32Array:
        """Return light (Z, Y, X) as the sensor sees it."""
        seen = light * (self.gain * self.exposure) + (self.offset + self.bands)
        if self.hot is not None:
            seen = np.where(self.hot, np.float32(1), seen)
        return np.asarray(seen, np.float32)

    def undone(self, recorded: Float32Array, clean: Float32Array) -> Float32Array:
        """Return recorded planes without what stands still, and with even exposure."""
        even = (recorded - self.offset) / (self.gain * self.exposure)
        if self.hot is not None:
            even = np.where(self.hot, clean, even)
        return np.asarray(even, np.float32)

    def without_ill(self, planes: Float32Array) -> Float32Array:
        """Return planes (Z, Y, X) with constants where nothing was recorded."""
        if not self.ill:
            return planes
        planes = planes.copy()
        for part in self.ill:
            planes[part.z][part.window] = part.value
        return planes

    @property
    def ill_planes(self) -> frozenset[int]:
        """Planes of which a part was not recorded."""
        return frozenset(part.z for part in self.ill)


_DRAWN = (
    *("pattern", "dust", "hot", "mosaic", "speck"),
    *("ill", "exposure", "banding", "blocks"),
)
"""Shares of `Imperfections` that damage draws; the others are those of scenes."""


def _gain(
    rng: Random, has: dict[str, bool], like: Imperfections, size: tuple[int, ...]
) -> Float32Array:
    gain = np.ones((), np.float32)
    if has["pattern"] and rng.random() < 0.5:
        gain = gain + np.float32(log_uniform(rng, *like.pattern)) * _texture(rng, size)
    if has["dust"]:
        height, width = size
        spots = shading((height, width), 0.0, int(rng.integers(1, 6)), int(rng.integers(2**31)))
        gain = gain * spots * _scratches(rng, size)
    if has["mosaic"]:
        gain = gain * _mosaic(rng, size)
    return np.asarray(np.maximum(gain, 0.2), np.float32)


def _offset(rng: Random, like: Imperfections, size: tuple[int, ...]) -> Float32Array:
    offset = np.float32(log_uniform(rng, *like.pattern)) * _texture(rng, size)
    return np.asarray(offset, np.float32)


def _texture(rng: Random, size: tuple[int, ...]) -> Float32Array:
    """Draw a pattern (Y, X) of mean 0 and standard deviation about 1."""
    height, width = size
    kind = rng.integers(5)
    if kind < 2:  # columns, rows
        lines = rng.standard_normal((1, width) if kind == 0 else (height, 1), np.float32)
        return np.broadcast_to(lines, (height, width))
    noise = rng.standard_normal((height, width), np.float32)
    if kind == 2:  # single pixels
        return noise
    if kind == 3:  # noise as of a renderer, a codec or a demosaicing that all planes share
        smooth = scipy.ndimage.gaussian_filter(noise, log_uniform(rng, 0.4, 1.5), mode="wrap")
        return np.asarray(smooth / max(float(smooth.std()), 1e-6), np.float32)
    pitch, wide = rng.integers(6, 40), rng.integers(1, 3)  # a reticle
    grid = (np.arange(height) % pitch < wide)[:, None] | (np.arange(width) % pitch < wide)[None]
    return np.asarray((grid - grid.mean()) / max(float(grid.std()), 1e-6), np.float32)


def _scratches(rng: Random, size: tuple[int, ...]) -> Float32Array:
    rows, columns = np.ogrid[: size[0], : size[1]]
    light = np.ones(size, np.float32)
    for _ in range(rng.integers(0, 4)):
        turn = rng.uniform(0, np.pi)
        place = rng.uniform(0.1, 0.9, 2) * size
        across = (columns - place[1]) * np.cos(turn) + (rows - place[0]) * np.sin(turn)
        line = np.clip(rng.uniform(0.5, 1.5) - np.abs(across), 0, 1)
        light = light * (1 + rng.uniform(-0.4, 0.2) * line).astype(np.float32)
    return light


def _mosaic(rng: Random, size: tuple[int, ...]) -> Float32Array:
    """Draw the gains of the two green, the red and the blue pixels of a mosaic."""
    red, blue = rng.uniform(0.4, 1, 2)
    cell = np.roll(np.array([[1, red], [blue, 1]], np.float32), int(rng.integers(2)), 1)
    tiles = [-(-n // 2) for n in size]
    return np.tile(cell, tiles)[: size[0], : size[1]]


def _specks(rng: Random, like: Imperfections, shape: tuple[int, int, int]) -> Float32Array:
    hit = rng.random(shape, np.float32) < np.float32(log_uniform(rng, *like.specks))
    # Not every plane is hit: a network must not take specks for granted.
    hit &= (rng.random((shape[0], 1, 1)) < rng.uniform(0.2, 1)) | (shape[0] == 1)
    light = hit * rng.uniform(0.2, 1, shape).astype(np.float32)
    if rng.random() < 0.5:  # larger than a pixel
        light = scipy.ndimage.grey_dilation(light, (1, int(rng.integers(1, 4)), 2))
    return np.asarray(light if rng.random() < 0.8 else -0.5 * light, np.float32)


def _exposure(rng: Random, like: Imperfections, planes: int) -> Float32Array:
    exposure = np.ones((planes, 1, 1), np.float32)
    exposure[rng.integers(planes)] = log_uniform(rng, *like.exposure)
    return exposure


def _bands(rng: Random, like: Imperfections, shape: tuple[int, int, int]) -> Float32Array:
    planes, height, width = shape
    if rng.random() < 0.5:  # noise of the rows' amplifiers
        bands = rng.standard_normal((planes, height, 1), np.float32)
    else:  # a lamp on mains, read by a rolling shutter
        phase = rng.uniform(0, 2 * np.pi, (planes, 1, 1))
        rows = np.arange(height)[None, :, None]
        bands = np.sqrt(2) * np.sin(2 * np.pi * rows / rng.uniform(6, 80) + phase)
    bands = bands * np.float32(log_uniform(rng, *like.banding))
    if rng.random() < 0.5 and height == width:
        bands = bands.swapaxes(1, 2)
    return np.asarray(bands, np.float32)


def _ill_parts(rng: Random, shape: tuple[int, int, int]) -> tuple[IllPart, ...]:
    planes, height, width = shape
    count = int(rng.integers(1, max(1, int(MOST_ILL * planes)) + 1))
    parts = []
    for z in rng.choice(planes, min(count, planes - 1), replace=False):
        value = float(rng.choice([0.0, 1.0, rng.random()]))
        window = slice(0, height), slice(0, width)
        if rng.random() < 0.6:  # torn: the rest of the rows, or of the columns, is missing
            along = int(rng.integers(2))
            cut = int(rng.integers(1, shape[1 + along]))
            piece = slice(cut, None) if rng.random() < 0.8 else slice(0, cut)
            window = (piece, window[1]) if along == 0 else (window[0], piece)
        parts.append(IllPart(int(z), window, value))
    return tuple(parts)
