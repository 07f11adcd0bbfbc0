"""The light of a scene at any height of the stage, as the simulated microscope sees it."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft

from napari_umis_fusion.live._simulated_optics import Optics, radial_index
from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic import Layer, Scene, slabs

HEIGHT_STEP_UM = 0.02
"""Heights are rounded to this, hundreds of times finer than the depth of field of an objective
with which stacks are taken, so that light can be remembered by height."""

MOST_REMEMBERED_MB = 192
"""Light that is remembered: 48 heights of 1024 x 1024 pixels."""

_MARGIN_PX = 48
"""Mirrored border, so that the periodic transform does not bring in the opposite side."""


@dataclass(frozen=True, slots=True, eq=False)
class _Slab:
    """Spectra of a part of a layer that lies at one height; opacity is None where it is 1 or 0."""

    height_um: float
    colour: Any
    opacity: Any


class SceneLight:
    """Renders a scene at heights of the stage, and remembers what was rendered.

    Parameters
    ----------
    scene : Scene
        Grey layers (Y, X); depth 0 is in focus at height 0.
    optics : Optics
        Lens and pixels.
    um_per_plane : float
        Height of a depth of 1.
    """

    def __init__(self, scene: Scene, optics: Optics, um_per_plane: float) -> None:
        self._optics, self._um_per_plane = optics, um_per_plane
        self.shape: tuple[int, int] = scene.shape[0], scene.shape[1]
        height, width = (scipy.fft.next_fast_len(2 * _MARGIN_PX + n, True) for n in self.shape)
        self._padded: tuple[int, int] = height, width
        self._index = radial_index(self._padded)
        self._layers = [self._slabs_of(layer, scene.additive) for layer in scene.layers]
        if scene.additive:  # all light adds up, before it is transformed back
            self._layers = [[slab for layer in self._layers for slab in layer]]
        self._remembered: OrderedDict[int, Float32Array] = OrderedDict()
        self._most = max(2, int(MOST_REMEMBERED_MB * 2**20 / (4 * self.shape[0] * self.shape[1])))

    def at(self, height_um: float) -> Float32Array:
        """Return the light (Y, X) at a height, from 0, not to be changed."""
        key = round(height_um / HEIGHT_STEP_UM)
        if key in self._remembered:
            self._remembered.move_to_end(key)
            return self._remembered[key]
        light = np.maximum(self._render(key * HEIGHT_STEP_UM), 0)
        self._remembered[key] = light
        if len(self._remembered) > self._most:
            self._remembered.popitem(last=False)
        return light

    def _slabs_of(self, layer: Layer, additive: bool) -> list[_Slab]:
        alpha = np.ones(self.shape, np.float32) if layer.alpha is None else layer.alpha
        # The blur of neighbouring slabs differs by half a pixel at most.
        cut = slabs(layer, self._optics.blur_px_per_um * self._um_per_plane)
        opaque = not additive and not (layer.alpha is None and len(cut) == 1)
        return [
            _Slab(
                depth * self._um_per_plane,
                self._spectrum(layer.texture * alpha * share),
                self._spectrum(alpha * share) if opaque else None,
            )
            for depth, weight in cut
            for share in [np.float32(1) if weight is None else weight]
        ]

    def _render(self, height_um: float) -> Float32Array:
        light: Any = None
        transfers: dict[float, Float32Array] = {}
        for layer in self._layers:
            colour, opacity = self._blurred(layer, height_um, transfers)
            if opacity is None:
                light = colour
            elif light is None:
                # Blurred slabs of one surface do not quite sum to one.
                light = colour / np.maximum(opacity, 1e-3)
            else:
                light = colour + light * (1 - np.clip(opacity, 0, 1))
        return np.asarray(light, np.float32)

    def _blurred(
        self, layer: list[_Slab], height_um: float, transfers: dict[float, Float32Array]
    ) -> tuple[Float32Array, Float32Array | None]:
        """Return the layer's light, times its opacity, and its opacity; None where it glows."""
        colour = np.zeros_like(layer[0].colour)
        opacity = None if layer[0].opacity is None else np.zeros_like(colour)
        for slab in layer:
            transfer = self._transfer(abs(slab.height_um - height_um), transfers)
            colour += slab.colour * transfer
            if opacity is not None:
                opacity += slab.opacity * transfer
        return self._image(colour), None if opacity is None else self._image(opacity)

    def _transfer(self, defocus_um: float, known: dict[float, Float32Array]) -> Float32Array:
        # Layers of one height share a transfer function.
        key = round(defocus_um, 6)
        if key not in known:
            known[key] = np.take(self._optics.transfer(defocus_um), self._index)
        return known[key]

    def _spectrum(self, field: Float32Array) -> Any:
        after = [p - n - _MARGIN_PX for p, n in zip(self._padded, self.shape, strict=True)]
        margins = [(_MARGIN_PX, end) for end in after]
        return scipy.fft.rfft2(np.pad(field, margins, mode="symmetric"))

    def _image(self, spectrum: Any) -> Float32Array:
        rows, columns = (slice(_MARGIN_PX, _MARGIN_PX + n) for n in self.shape)
        return np.ascontiguousarray(scipy.fft.irfft2(spectrum, self._padded)[rows, columns])
