"""Random shapes: covers of objects, depths of surfaces, emitters."""

from collections.abc import Callable

import numpy as np
import scipy.ndimage
from PIL import Image

from napari_umis_fusion.runtime import Float32Array

Random = np.random.Generator


def log_uniform(rng: Random, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def hills(rng: Random, side: int, waves: float) -> Float32Array:
    """Draw smooth hills (Y, X) from 0 to 1, about `waves` of them across."""
    nodes = 2 + round(2 * waves)
    coarse = Image.fromarray(rng.standard_normal((nodes, nodes), np.float32))
    field = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.float32)
    return np.asarray((field - field.min()) / max(float(np.ptp(field)), 1e-6), np.float32)


def random_cover(rng: Random, side: int) -> Float32Array:
    """Draw the antialiased cover (Y, X), 0 to 1, of objects of one kind."""
    return COVERS[rng.integers(len(COVERS))](rng, side)


def random_depth(rng: Random, side: int, planes: int) -> float | Float32Array:
    """Draw a depth within the stack, in planes: level, tilted or hilly (Y, X)."""
    low, high = -0.3, planes - 0.7
    kind = rng.random()
    if kind < 0.3:
        return float(rng.uniform(low, high))
    if kind < 0.55:
        depth = _ramp(rng, side) * np.float32(planes - 1)
    else:
        near, far = np.sort(rng.uniform(-0.1, 1.1, 2)) * (planes - 1)
        depth = near + (far - near) * hills(rng, side, rng.uniform(0.5, 2))
    return np.asarray(np.clip(depth, low, high), np.float32)


def random_lights(rng: Random, side: int) -> Float32Array:
    """Draw spots or filaments (Y, X), 0 to 1, on darkness."""
    return _spots(rng, side) if rng.random() < 0.5 else _filaments(rng, side)


def _grid(side: int) -> tuple[Float32Array, Float32Array]:
    line = np.arange(side, dtype=np.float32)
    return line[:, None], line[None, :]


def _ramp(rng: Random, side: int) -> Float32Array:
    rows, columns = _grid(side)
    turn = rng.uniform(0, 2 * np.pi)
    along = (columns * np.cos(turn) + rows * np.sin(turn)) / side
    return np.asarray((along - along.mean()) * rng.uniform(0.2, 1.2) + rng.uniform(0.2, 0.8))


def _ellipses(rng: Random, side: int) -> Float32Array:
    rows, columns = _grid(side)
    cover = np.zeros((side, side), np.float32)
    for _ in range(rng.integers(1, 5)):
        radius, stretch = log_uniform(rng, 3, side / 4), log_uniform(rng, 0.6, 1.6)
        y, x = rng.uniform(0.1, 0.9, 2) * side
        distance = np.hypot((rows - y) * stretch, (columns - x) / stretch)
        cover = np.maximum(cover, np.clip(radius + 0.5 - distance, 0, 1))
    return np.asarray(cover, np.float32)


def _fibres(rng: Random, side: int) -> Float32Array:
    rows, columns = (part - np.float32(side / 2) for part in _grid(side))
    cover = np.zeros((side, side), np.float32)
    for _ in range(rng.integers(2, 8)):
        turn, place = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5) * side
        across = columns * np.cos(turn) + rows * np.sin(turn) - place
        along = rows * np.cos(turn) - columns * np.sin(turn)
        wave = np.sin(2 * np.pi * along / side / rng.uniform(0.5, 2))
        distance = np.abs(across + rng.uniform(0, 0.15) * side * wave)
        cover = np.maximum(cover, np.clip(log_uniform(rng, 0.8, 6) + 0.5 - distance, 0, 1))
    return np.asarray(cover, np.float32)


def _polygon(rng: Random, side: int) -> Float32Array:
    rows, columns = _grid(side)
    y, x = rng.uniform(0.25, 0.75, 2) * side
    radius = rng.uniform(0.1, 0.4) * side
    corners = rng.integers(3, 7)
    turns = rng.uniform(0, 2 * np.pi) + np.arange(corners) * 2 * np.pi / corners
    turns += rng.uniform(-0.4, 0.4, corners)
    inside = np.full((side, side), np.inf, np.float32)
    for turn in turns:
        ahead = (columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)
        inside = np.minimum(inside, radius * rng.uniform(0.5, 1) - ahead)
    return np.asarray(np.clip(inside + 0.5, 0, 1), np.float32)


def _islands(rng: Random, side: int) -> Float32Array:
    field = hills(rng, side, rng.uniform(0.7, 3))
    return _above(field, rng.uniform(0.45, 0.75), steepness=1e-3)


def _specks(rng: Random, side: int) -> Float32Array:
    noise = rng.standard_normal((side, side), np.float32)
    field = scipy.ndimage.gaussian_filter(noise, log_uniform(rng, 1.5, 6), mode="wrap")
    return _above(field / field.std(), rng.uniform(0.8, 1.8), steepness=1e-2)


def _above(field: Float32Array, threshold: float, steepness: float) -> Float32Array:
    """Return where a field exceeds a threshold, with edges one pixel wide."""
    slope = np.maximum(np.hypot(*np.gradient(field)), steepness)
    return np.asarray(np.clip((field - threshold) / slope + 0.5, 0, 1), np.float32)


COVERS: tuple[Callable[[Random, int], Float32Array], ...] = (
    _ellipses,
    _fibres,
    _polygon,
    _islands,
    _specks,
)


def _spots(rng: Random, side: int) -> Float32Array:
    lit = rng.random((side, side), np.float32) < log_uniform(rng, 3e-4, 5e-3)
    bright = lit * rng.uniform(0.2, 1, (side, side)).astype(np.float32)
    spots = scipy.ndimage.gaussian_filter(bright, log_uniform(rng, 0.5, 2), mode="wrap")
    return np.asarray(spots / max(float(spots.max()), 1e-6), np.float32)


def _filaments(rng: Random, side: int) -> Float32Array:
    ridge = np.abs(hills(rng, side, rng.uniform(1, 3.5)) - np.float32(0.5))
    slope = np.hypot(*np.gradient(ridge)) + 1e-4
    lines = np.exp(-((ridge / slope / log_uniform(rng, 0.7, 2.5)) ** 2))
    return np.asarray(lines * hills(rng, side, 1), np.float32)
