"""Rendering of a scene to a stack with its truth."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._camera import digitise, expose, haze_gain, plane_gain
from napari_umis_fusion.synthetic._config import RenderConfig
from napari_umis_fusion.synthetic._defocus import Defocus, Slab, slabs
from napari_umis_fusion.synthetic._scene import Layer, Scene, like_colour


@dataclass(frozen=True, slots=True, eq=False)
class RenderedStack:
    """A rendered stack and the result of a perfect fusion.

    Attributes
    ----------
    stack : ndarray of shape (Z, Y, X) or (Z, Y, X, C)
        In the dtype of the config.
    all_in_focus : ndarray of float32, shape (Y, X) or (Y, X, C)
        The truth in the stack's grey levels: free of noise, flicker, haze and rounding, blurred
        only as the lens blurs in focus (`base_blur_px`).
    sub_plane_map : ndarray of float32, shape (Y, X)
        True depth in planes.
    data_range : float
        Grey levels from black to white, for PSNR and SSIM.
    z_step_um : float
        Distance between planes.
    """

    stack: NDArray[Any]
    all_in_focus: Float32Array
    sub_plane_map: Float32Array
    data_range: float
    z_step_um: float

    @property
    def index_map(self) -> NDArray[np.uint16]:
        """The plane nearest to the true depth, uint16, of shape (Y, X)."""
        nearest = np.clip(np.rint(self.sub_plane_map), 0, len(self.stack) - 1)
        return nearest.astype(np.uint16)

    @property
    def depth_map(self) -> Float32Array:
        """True depth in µm, float32, of shape (Y, X)."""
        return self.sub_plane_map * np.float32(self.z_step_um)


def render_stack(scene: Scene, config: RenderConfig | None = None) -> RenderedStack:
    """Render the planes of a scene, plane 0 focused on depth 0.

    Colour (premultiplied) and opacity of each layer are blurred with its defocus, and the layers
    are composited from back to front, so that the defocused foreground covers what is behind it.
    Layers of an additive scene are summed.

    Parameters
    ----------
    scene : Scene
        The scene in front of the lens.
    config : RenderConfig, optional
        Options of rendering.

    Returns
    -------
    RenderedStack
        The stack and its truth. Equal seeds give equal stacks.
    """
    config = config or RenderConfig()
    scene = through_lens(scene, config.base_blur_px)
    depth = scene.sub_plane_map()
    stack = np.empty((config.planes, *scene.shape), config.dtype)
    for z, light in enumerate(light_of_planes(scene, config)):
        light = light * np.float32(plane_gain(config, z))
        if config.haze:
            light = light * like_colour(haze_gain(config, depth, z), light.shape)
        stack[z] = expose(light, config, z)
    truth = digitise(scene.all_in_focus(), config)
    return RenderedStack(stack, truth, depth, config.grey_span, config.z_step_um)


def through_lens(scene: Scene, sigma: float) -> Scene:
    """Blur a scene by the lens in focus: colour and opacity, before any defocus."""
    if sigma == 0:
        return scene

    def blur(image: Float32Array) -> Float32Array:
        smooth = scipy.ndimage.gaussian_filter(image, sigma, axes=(0, 1), mode="reflect")
        return np.clip(np.asarray(smooth, np.float32), 0, 1)

    def seen(layer: Layer) -> Layer:
        if layer.alpha is None:
            return replace(layer, texture=blur(layer.texture))
        alpha = blur(layer.alpha)
        light = blur(layer.texture * like_colour(layer.alpha, scene.shape))
        texture = light / np.maximum(like_colour(alpha, scene.shape), 1e-6)
        return replace(layer, texture=np.clip(texture, 0, 1), alpha=alpha)

    return replace(scene, layers=tuple(seen(layer) for layer in scene.layers))


def light_of_planes(scene: Scene, config: RenderConfig) -> Iterator[Float32Array]:
    """Yield the light (Y, X[, C]) of each plane, before gain, haze and camera."""
    depths = [layer.depth for layer in scene.layers]
    span = min(float(np.min(d)) for d in depths), max(float(np.max(d)) for d in depths)
    defocus = Defocus(scene.shape[:2], config, span)
    layers = zip(
        *(_blurred(layer, defocus, scene.additive, config) for layer in scene.layers), strict=True
    )
    for blurred in layers:
        light = np.zeros(scene.shape, np.float32)
        for colour, alpha in blurred:
            # Colour is multiplied by opacity already.
            light = colour + light * (1 - like_colour(alpha, scene.shape))
        yield light


def _blurred(
    layer: Layer, defocus: Defocus, additive: bool, config: RenderConfig
) -> Iterator[tuple[Float32Array, Float32Array | None]]:
    """Yield premultiplied colour (Y, X[, C]) and opacity (Y, X) of the layer in each plane."""
    cut = slabs(layer, config.slope_px_per_plane)
    light = layer.texture * like_colour(layer.alpha, layer.texture.shape)
    channels = [light] if light.ndim == 2 else list(np.moveaxis(light, 2, 0))
    colours = zip(*(defocus.planes(channel, cut) for channel in channels), strict=True)
    if additive:
        nothing = np.zeros(layer.texture.shape[:2], np.float32)
        yield from ((_colour(parts, layer), nothing) for parts in colours)
        return
    for parts, (alpha, coverage) in zip(
        colours, _opacity(layer, defocus, cut, config.planes), strict=True
    ):
        colour = _colour(parts, layer) / like_colour(coverage, layer.texture.shape)
        yield colour, alpha


def _colour(parts: tuple[Float32Array, ...], layer: Layer) -> Float32Array:
    return parts[0] if layer.texture.ndim == 2 else np.stack(parts, axis=2)


def _opacity(
    layer: Layer, defocus: Defocus, cut: list[Slab], planes: int
) -> Iterator[tuple[Float32Array | None, Float32Array | None]]:
    """Yield opacity, and the coverage by which to divide colours, per plane; None if it is 1.

    The blurred slabs of an opaque surface of varying depth do not quite sum to one: division by
    their sum keeps flat colours flat.
    """
    surface = np.ones(layer.texture.shape[:2], np.float32)
    covers = repeat(None, planes) if len(cut) == 1 else defocus.planes(surface, cut)
    alphas = repeat(None, planes) if layer.alpha is None else defocus.planes(layer.alpha, cut)
    for alpha, cover in zip(alphas, covers, strict=True):
        safe = None if cover is None else np.maximum(cover, 1e-6)
        if alpha is not None:
            alpha = np.clip(alpha if safe is None else alpha / safe, 0, 1)
        yield alpha, safe
