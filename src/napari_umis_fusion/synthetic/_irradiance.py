"""The light of random stacks that reaches the camera, for each kind of scene."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from napari_umis_fusion.runtime import Float32Array
from napari_umis_fusion.synthetic._distribution import StackDistribution
from napari_umis_fusion.synthetic._random_scene import RandomCrops, RandomOptics, random_surfaces
from napari_umis_fusion.synthetic._shapes import (
    Random,
    hills,
    log_uniform,
    random_cover,
    random_depth,
    random_lights,
)
from napari_umis_fusion.synthetic._smear import light_of_smear, random_smear
from napari_umis_fusion.synthetic._transfer import (
    Spectrum,
    cut_into_slabs,
    defocus_transfer,
    frequencies,
    shift_factor,
    smoothed,
    to_field,
    to_spectrum,
)


@dataclass(frozen=True, slots=True, eq=False)
class Irradiance:
    """Light that reaches the camera: planes (Z, Y, X), the truth (Y, X) and its depth (Y, X)."""

    planes: Float32Array
    all_in_focus: Float32Array
    depth: Float32Array

    def rotated_or_mirrored(self, rng: Random) -> "Irradiance":
        """Return one of the eight symmetries of a square, drawn at random."""
        turns, mirrored = int(rng.integers(4)), rng.random() < 0.5

        def moved(field: Float32Array) -> Float32Array:
            rotated = np.rot90(field, turns, (-2, -1))
            return np.ascontiguousarray(np.flip(rotated, -1) if mirrored else rotated)

        return Irradiance(moved(self.planes), moved(self.all_in_focus), moved(self.depth))


class StackOptics:
    """Defocuses fields of any depth for each plane of a stack, with one shake for all."""

    def __init__(self, rng: Random, spec: StackDistribution, optics: RandomOptics) -> None:
        self.optics = optics
        self._shake: list[Spectrum] | None = None
        if rng.random() < spec.jitter_share:
            spread = spec.jitter_px * rng.random()
            moves = rng.normal(0, spread, (optics.planes, 2))
            self._shake = [shift_factor(optics.side, dy, dx) for dy, dx in moves]

    def slabs(
        self, field: Float32Array, depth: float | Float32Array
    ) -> list[tuple[float, Spectrum]]:
        """Return depth and spectrum of the slabs of a field (Y, X)."""
        cut = cut_into_slabs(depth, self.optics.slope_px_per_plane)
        return [(place, to_spectrum(field if w is None else field * w)) for place, w in cut]

    def blurred(self, slabs: Iterable[tuple[float, Spectrum]], z: int) -> Float32Array:
        """Return the field (Y, X) of slabs in plane `z`, each blurred by its defocus."""
        optics = self.optics
        radii = ((optics.slope_px_per_plane * abs(place - z), part) for place, part in slabs)
        return self.summed(
            (part * defocus_transfer(optics.side, optics.psf, radius) for radius, part in radii), z
        )

    def summed(self, spectra: Iterable[Spectrum], z: int) -> Float32Array:
        """Return the field (Y, X) of a sum of spectra in plane `z`."""
        total = sum(spectra)
        assert isinstance(total, np.ndarray)
        return to_field(total if self._shake is None else total * self._shake[z], self.optics.side)


def opaque_light(
    rng: Random, spec: StackDistribution, optics: RandomOptics, crops: RandomCrops
) -> Irradiance:
    """Render surfaces whose defocused light covers what is behind them."""
    stack_optics = StackOptics(rng, spec, optics)
    shape = (optics.side, optics.side)
    planes = np.zeros((optics.planes, *shape), np.float32)
    truth, depth = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for surface in random_surfaces(rng, spec, optics, crops):
        cover = np.ones(shape, np.float32) if surface.cover is None else surface.cover
        truth = truth * (1 - cover) + surface.light * cover
        depth = np.where(cover >= 0.5, surface.depth, depth)
        colour = stack_optics.slabs(surface.light * cover, surface.depth)
        opacity = None if surface.cover is None else stack_optics.slabs(cover, surface.depth)
        whole = stack_optics.slabs(np.ones(shape, np.float32), surface.depth)
        for z in range(optics.planes):
            # The blurred slabs of a surface do not quite sum to one; see `_render._opacity`.
            norm = (
                np.maximum(stack_optics.blurred(whole, z), 0.05)
                if len(whole) > 1
                else np.float32(1)
            )
            veil = 1 if opacity is None else np.clip(stack_optics.blurred(opacity, z) / norm, 0, 1)
            planes[z] = stack_optics.blurred(colour, z) / norm + planes[z] * (1 - veil)
    return Irradiance(planes, truth, np.asarray(depth, np.float32))


def fluorescent_light(
    rng: Random, spec: StackDistribution, optics: RandomOptics, crops: RandomCrops
) -> Irradiance:
    """Render emitters in the dark; their light adds up, in focus or not."""
    stack_optics = StackOptics(rng, spec, optics)
    shape = (optics.side, optics.side)
    planes = np.zeros((optics.planes, *shape), np.float32)
    truth, brightest = (np.zeros(shape, np.float32) for _ in range(2))
    depth = np.full(shape, (optics.planes - 1) / 2, np.float32)  # of the dark, nowhere in focus
    for _ in range(rng.integers(1, 5)):
        glow = smoothed(_glow(rng, optics, crops), max(optics.lens_blur_px, 0.5))
        glow = np.maximum(glow, 0)
        place = random_depth(rng, optics.side, optics.planes)
        truth += glow
        depth = np.where(glow > brightest, place, depth)
        brightest = np.maximum(glow, brightest)
        slabs = stack_optics.slabs(glow, place)
        for z in range(optics.planes):
            planes[z] += stack_optics.blurred(slabs, z)
    gain = np.float32(log_uniform(rng, 0.15, 1) / max(float(truth.max()), 0.3))
    ground = np.float32(rng.uniform(0, 0.1))
    return Irradiance(ground + gain * planes, ground + gain * truth, np.asarray(depth, np.float32))


def _glow(rng: Random, optics: RandomOptics, crops: RandomCrops) -> Float32Array:
    side, kind = optics.side, rng.random()
    if kind < 0.25:
        image = crops.draw(rng, side)
        light = np.clip((image - np.percentile(image, rng.uniform(40, 90))) * 2, 0, 1)
    elif kind < 0.75:
        light = random_lights(rng, side)
    else:
        light = random_cover(rng, side) * crops.draw(rng, side)
    return np.asarray(light * rng.uniform(0.1, 0.9), np.float32)


def brightfield_light(
    rng: Random, spec: StackDistribution, optics: RandomOptics, crops: RandomCrops
) -> Irradiance:
    """Render thin objects that absorb and refract.

    Weak objects in partially coherent light: absorption is transferred with the cosine, phase with
    the sine of the defocus, so that defocused edges show rings and phase gains contrast [1]_. In
    focus, phase is invisible.

    References
    ----------
    .. [1] N. Streibl, "Three-dimensional imaging by a microscope", J. Opt. Soc. Am. A 2 (1985),
       https://doi.org/10.1364/JOSAA.2.000121
    """
    stack_optics = StackOptics(rng, spec, optics)
    shape = (optics.side, optics.side)
    planes = np.ones((optics.planes, *shape), np.float32)
    truth, depth = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    coherence = _PartialCoherence.draw(rng, optics)
    for layer in range(rng.integers(1, 4)):
        absorption, phase = _thin_object(rng, spec, optics, crops, whole=layer == 0)
        place = random_depth(rng, optics.side, optics.planes)
        truth = truth * (1 - absorption)
        depth = np.where(absorption > 0.1, place, depth) if layer else np.full(shape, place)
        pairs = list(
            zip(
                stack_optics.slabs(absorption, place), stack_optics.slabs(phase, place), strict=True
            )
        )
        for z in range(optics.planes):
            parts = (coherence.blurred(z - at, dark, bent) for (at, dark), (_, bent) in pairs)
            planes[z] *= np.maximum(1 - stack_optics.summed(parts, z), 0.01)
    lamp = np.float32(rng.uniform(0.45, 0.9)) * _vignetting(rng, optics.side)
    planes = np.clip(planes * lamp, 0, 1.2)
    return Irradiance(planes, truth * lamp, np.asarray(depth, np.float32))


@dataclass(frozen=True, slots=True)
class _PartialCoherence:
    """Defocus of partially coherent light.

    Attributes
    ----------
    optics : RandomOptics
        Optics of the stack.
    damping : float
        Condenser aperture over objective aperture: 0 is a point source, whose rings never fade.
    fresnel_px2 : float
        Wavelength times distance between planes, over the area of a pixel.
    """

    optics: RandomOptics
    damping: float
    fresnel_px2: float

    @classmethod
    def draw(cls, rng: Random, optics: RandomOptics) -> "_PartialCoherence":
        wave = optics.slope_px_per_plane * log_uniform(rng, 0.6, 2.5) / np.pi
        return cls(optics, log_uniform(rng, 0.15, 1.2), wave)

    def blurred(self, defocus: float, dark: Spectrum, bent: Spectrum) -> Spectrum:
        """Return the spectrum of the missing light, at a defocus in planes."""
        optics = self.optics
        radius = optics.slope_px_per_plane * self.damping * abs(defocus)
        phase = np.float32(np.pi * self.fresnel_px2 * defocus) * frequencies(optics.side)[0] ** 2
        fading = defocus_transfer(optics.side, optics.psf, radius) * np.exp(-((phase / 8) ** 2))
        missing: Spectrum = fading * (dark * np.cos(phase) - 2 * bent * np.sin(phase))
        return missing


def _thin_object(
    rng: Random, spec: StackDistribution, optics: RandomOptics, crops: RandomCrops, *, whole: bool
) -> tuple[Float32Array, Float32Array]:
    """Return absorption (0 to 1) and phase (radian), each (Y, X)."""
    side = optics.side
    covers_all = whole and rng.random() < 0.5
    cover = np.ones((side, side), np.float32) if covers_all else random_cover(rng, side)
    absorption = (1 - crops.draw(rng, side)) * np.float32(rng.uniform(0.3, 0.95)) * cover
    absorption = np.clip(smoothed(absorption, optics.lens_blur_px), 0, 0.97)
    relief = absorption if rng.random() < 0.5 else crops.draw(rng, side) * cover
    smooth = smoothed(relief, max(optics.lens_blur_px, log_uniform(rng, 0.5, 2)))
    depth = rng.choice([-1, 1]) * rng.uniform(0, 0.8)
    if spec.imperfections and rng.random() < spec.imperfections.phase_share:
        # Nearly transparent, as living cells are: rings and inverted contrast out of focus.
        absorption, depth = absorption * np.float32(rng.uniform(0.05, 0.4)), depth * 2.5
    return np.asarray(absorption, np.float32), np.asarray(smooth * depth, np.float32)


def _vignetting(rng: Random, side: int) -> Float32Array:
    if rng.random() < 0.7:
        return np.ones((side, side), np.float32)
    return np.asarray(0.8 + 0.2 * hills(rng, side, 0.5), np.float32)


def smear_light(
    rng: Random, spec: StackDistribution, optics: RandomOptics, crops: RandomCrops
) -> Irradiance:
    """Render a smear of thin cells with a stained outline, whose phase shows out of focus."""
    smear = random_smear(rng, optics.side, optics.planes)
    planes, truth, depth = light_of_smear(smear, optics.planes)
    gain = np.float32(rng.uniform(0.5, 1.1)) * _vignetting(rng, optics.side)
    return Irradiance(np.clip(planes * gain, 0, 1.2), truth * gain, depth)


KINDS: dict[str, Callable[[Random, StackDistribution, RandomOptics, RandomCrops], Irradiance]] = {
    "opaque": opaque_light,
    "fluorescence": fluorescent_light,
    "brightfield": brightfield_light,
    "smears": smear_light,
}
