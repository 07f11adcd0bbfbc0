"""Scenes: layers with a texture, an opacity and a depth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A surface: its texture in focus, its opacity and its depth.

    Depth should be smooth within a layer; use two layers where it jumps.

    Attributes
    ----------
    texture : ndarray of shape (Y, X) or (Y, X, C)
        Light from 0 to 1, kept as float32. Not multiplied by `alpha`.
    depth : float or ndarray of shape (Y, X)
        In planes: the layer is in focus in plane ``z == depth``.
    alpha : ndarray of shape (Y, X), optional
        Opacity from 0 to 1; opaque everywhere by default.
    """

    texture: Float32Array
    depth: float | Float32Array
    alpha: Float32Array | None = None

    def __post_init__(self) -> None:
        texture = _light("texture", self.texture)
        if texture.ndim not in (2, 3) or texture.size == 0:
            raise ConfigError(f"texture has shape {texture.shape}; accepted is (Y, X[, C]).")
        # The dataclass is frozen.
        object.__setattr__(self, "texture", texture)
        if self.alpha is not None:
            object.__setattr__(self, "alpha", _light("alpha", self.alpha))
            self._check_shape("alpha", self.alpha)
        if np.ndim(self.depth):
            object.__setattr__(self, "depth", np.asarray(self.depth, np.float32))
            self._check_shape("depth", self.depth)
        if not np.isfinite(self.depth).all():
            raise ConfigError("depth is not finite everywhere; accepted are finite numbers.")

    def _check_shape(self, name: str, array: Any) -> None:
        if np.shape(array) != self.texture.shape[:2]:
            raise ConfigError(
                f"{name} has shape {np.shape(array)}; accepted is that of the texture's plane, "
                f"{self.texture.shape[:2]}."
            )

    @property
    def depth_map(self) -> Float32Array:
        """Depth of every pixel in planes, of shape (Y, X)."""
        return np.broadcast_to(np.float32(self.depth), self.texture.shape[:2])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Layers from back to front.

    Attributes
    ----------
    layers : tuple of Layer
        All of one shape. The first is the farthest from the lens.
    additive : bool
        False: layers occlude what is behind them. True: they glow, and their light adds up.
    """

    layers: tuple[Layer, ...]
    additive: bool = False

    def __post_init__(self) -> None:
        shapes = sorted({layer.texture.shape for layer in self.layers})
        if len(shapes) != 1:
            raise ConfigError(
                f"the layers' textures have shapes {shapes}; accepted is at least one layer, and "
                "textures of one shape."
            )

    @classmethod
    def from_depth(cls, texture: Float32Array, depth: float | Float32Array) -> "Scene":
        """Return the scene of one opaque surface: `texture` (Y, X[, C]) at `depth`, in planes."""
        return cls((Layer(texture, depth),))

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (Y, X, C)."""
        return self.layers[0].texture.shape

    def all_in_focus(self) -> Float32Array:
        """Return the light of the scene with every layer in focus, of shape (Y, X[, C])."""
        light = np.zeros(self.shape, np.float32)
        for layer in self.layers:
            alpha = like_colour(layer.alpha, self.shape)
            light = (light if self.additive else light * (1 - alpha)) + layer.texture * alpha
        return light

    def sub_plane_map(self) -> Float32Array:
        """Return the depth of the visible layer at each pixel, in planes, of shape (Y, X).

        This is the front-most layer that is at least half opaque, or in an additive scene the
        brightest.
        """
        depth = np.array(self.layers[0].depth_map)
        brightest = _brightness(self.layers[0])
        for layer in self.layers[1:]:
            brightness = _brightness(layer)
            seen = brightness > brightest if self.additive else _opacity(layer) >= 0.5
            depth = np.where(seen, layer.depth_map, depth)
            brightest = np.maximum(brightness, brightest)
        return depth


def like_colour(alpha: Float32Array | None, shape: tuple[int, ...]) -> Float32Array:
    """Return `alpha` with a channel axis where `shape` has one; 1 where it is None."""
    if alpha is None:
        return np.ones((), np.float32)
    return alpha if len(shape) == 2 else alpha[..., None]


def _opacity(layer: Layer) -> Float32Array:
    return np.ones(layer.texture.shape[:2], np.float32) if layer.alpha is None else layer.alpha


def _brightness(layer: Layer) -> Float32Array:
    light = layer.texture * like_colour(layer.alpha, layer.texture.shape)
    return light if light.ndim == 2 else np.max(light, axis=2)


def _light(name: str, values: Any) -> Float32Array:
    light = np.asarray(values, np.float32)
    if light.size and not (light.min() >= 0 and light.max() <= 1):
        raise ConfigError(
            f"{name} reaches from {light.min():g} to {light.max():g}; accepted is 0 to 1: scale it."
        )
    return light
