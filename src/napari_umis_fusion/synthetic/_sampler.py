"""Random training stacks with their truth; equal seeds give equal stacks."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage
from PIL import Image

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.runtime import Float32Array, count_noun
from napari_umis_fusion.synthetic._damage import Damage
from napari_umis_fusion.synthetic._distribution import StackDistribution
from napari_umis_fusion.synthetic._irradiance import KINDS, Irradiance
from napari_umis_fusion.synthetic._random_scene import RandomCrops, RandomOptics
from napari_umis_fusion.synthetic._shapes import Random, log_uniform
from napari_umis_fusion.synthetic._textures import enlarge

MIN_GAIN = 0.2
"""Smallest gain by drift or flicker."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingStack:
    """A rendered training stack with its truth; all float32, with full scale 1.

    Attributes
    ----------
    planes : ndarray of shape (Z, Y, X)
        As recorded by the camera.
    steady : ndarray of shape (Z, Y, X)
        The same without flicker. Brightness that drifts with focus remains: it is right in focus,
        and wrong elsewhere.
    clean : ndarray of shape (Z, Y, X)
        `steady` without noise.
    all_in_focus : ndarray of shape (Y, X)
        The truth.
    middle : int
        The sound plane that is nearest to the middle of the stack.

    Notes
    -----
    Of the `Imperfections`, those that stand still on the sensor are in `planes` only. Those that
    spoil single planes are in all three: a spoilt plane is wrong, and never the one to choose.
    """

    planes: Float32Array
    steady: Float32Array
    clean: Float32Array
    all_in_focus: Float32Array
    middle: int


class StackSampler:
    """Renders random stacks from sharp images.

    Parameters
    ----------
    images : sequence of ndarray of shape (Y, X)
        Grey, 0 to 1. Images smaller than a stack with its margin are enlarged.
    distribution : StackDistribution, optional
        Distribution of the stacks.
    sources : sequence of str, optional
        Source of each image; all sources are drawn equally often.

    Raises
    ------
    ConfigError
        If there are no images, an image is not grey from 0 to 1, or the numbers of images and
        sources differ.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_umis_fusion.synthetic import StackDistribution, StackSampler
    >>> image = np.random.default_rng(0).random((200, 200), dtype=np.float32)
    >>> sampler = StackSampler([image], StackDistribution(size_px=64))
    >>> sampler.draw([1, 2], planes=5).planes.shape
    (5, 64, 64)
    """

    def __init__(
        self,
        images: Sequence[Float32Array],
        distribution: StackDistribution | None = None,
        sources: Sequence[str] | None = None,
    ) -> None:
        _check_images(images, sources)
        self.distribution = distribution or StackDistribution()
        self._crops = RandomCrops(images, sources)
        least = self.distribution.size_px + 2 * self.distribution.margin_px
        # A length with a fast transform; the additional pixels are cut off with the margin.
        self._side = scipy.fft.next_fast_len(least, True)

    def draw(self, seed: int | Sequence[int], planes: int | None = None) -> TrainingStack:
        """Render one stack.

        Parameters
        ----------
        seed : int or sequence of int
            Seed of every random choice.
        planes : int, optional
            Number of planes; by default drawn too.

        Raises
        ------
        ConfigError
            If `planes` is less than 1.
        """
        rng = np.random.default_rng(seed)
        return self._recorded(rng, self._light(rng, planes))

    def draw_light(self, seed: int | Sequence[int], planes: int | None = None) -> Irradiance:
        """Render the light of one stack, to be recorded any number of times.

        Parameters
        ----------
        seed, planes
            As of `draw`.

        Raises
        ------
        ConfigError
            If `planes` is less than 1.
        """
        return self._light(np.random.default_rng(seed), planes)

    def record(self, light: Irradiance, seed: int | Sequence[int]) -> TrainingStack:
        """Record light once more: rotated or mirrored, by another camera with another lamp.

        Rendering is most of the work of `draw`; recordings of one light differ in all that
        hides which plane is sharp, but not in the scene.

        Parameters
        ----------
        light : Irradiance
            Of `draw_light`; not changed.
        seed : int or sequence of int
            Seed of every random choice.
        """
        rng = np.random.default_rng(seed)
        return self._recorded(rng, light.rotated_or_mirrored(rng))

    def _light(self, rng: Random, planes: int | None) -> Irradiance:
        if planes is not None and planes < 1:
            raise ConfigError(f"planes is {planes}; accepted are whole numbers of 1 or more.")
        spec = self.distribution
        drawn = self.draw_planes(rng)  # also if not used, so that a seed gives the same scene
        optics = RandomOptics.draw(rng, spec, self._side, planes or drawn)
        weights = np.array([getattr(spec, kind) for kind in KINDS])
        kind = rng.choice(list(KINDS), p=weights / weights.sum())
        return self._cropped(KINDS[kind](rng, spec, optics, self._crops))

    def _recorded(self, rng: Random, light: Irradiance) -> TrainingStack:
        spec = self.distribution
        # A stream of its own: without imperfections, a seed gives the same stack as ever.
        damage = Damage.draw(rng.spawn(1)[0], spec.imperfections, light.planes.shape)
        clean = damage.of_light(light.planes * _random_drift(rng, spec, light))
        flicker = _random_flicker(rng, spec, len(clean))
        recorded = _record(rng, spec, damage.of_sensor(clean * flicker), damage.quality)
        steady = damage.undone(recorded, clean * flicker) / flicker
        return TrainingStack(
            planes=damage.without_ill(recorded),
            steady=damage.without_ill(steady),
            clean=damage.without_ill(clean),
            all_in_focus=light.all_in_focus,
            middle=_sound_middle(len(clean), damage),
        )

    def draw_planes(self, rng: Random) -> int:
        """Draw a number of planes."""
        low, high = self.distribution.planes
        return int(log_uniform(rng, low, high + 1))

    def _cropped(self, light: Irradiance) -> Irradiance:
        size = self.distribution.size_px
        start = (self._side - size) // 2
        window = (..., slice(start, start + size), slice(start, start + size))
        # Fourier transforms leave small negative values.
        planes = np.maximum(light.planes[window], 0)
        # Copied, so that light that is kept does not hold its margin.
        return Irradiance(planes, light.all_in_focus[window].copy(), light.depth[window].copy())


def _check_images(images: Sequence[Float32Array], sources: Sequence[str] | None) -> None:
    if len(images) == 0:
        raise ConfigError("got no image; accepted is at least one sharp image to render from.")
    if sources is not None and len(sources) != len(images):
        got = f"{count_noun(len(sources), 'source')} for {count_noun(len(images), 'image')}"
        raise ConfigError(f"got {got}; accepted is one for each.")
    for number, image in enumerate(images):
        if np.ndim(image) != 2 or np.size(image) == 0:
            raise ConfigError(
                f"image {number} has shape {np.shape(image)}; accepted is (Y, X): make it grey."
            )
        low, high = np.min(image), np.max(image)
        if not (low >= 0 and high <= 1):
            raise ConfigError(
                f"image {number} reaches from {low:g} to {high:g}; accepted is 0 to 1: scale it."
            )


def _sound_middle(planes: int, damage: Damage) -> int:
    sound = [z for z in range(planes) if z not in damage.ill_planes]
    return min(sound, key=lambda z: abs(z - planes // 2))


def _random_flicker(rng: Random, spec: StackDistribution, planes: int) -> Float32Array:
    """Return the brightness of each plane (Z, 1, 1), or (1, 1, 1) under a steady lamp."""
    if rng.random() >= spec.flicker_share:
        return np.ones((1, 1, 1), np.float32)
    jumps = spec.flicker * rng.random() * rng.standard_normal((planes, 1, 1))
    return np.maximum(1 + jumps, MIN_GAIN).astype(np.float32)


def _random_drift(rng: Random, spec: StackDistribution, light: Irradiance) -> Float32Array:
    """Return a gain (Z, Y, X) that varies with position and focus, or (1, 1, 1) without drift."""
    if rng.random() >= spec.drift_share:
        return np.ones((1, 1, 1), np.float32)
    return _drift(rng, spec.drift * rng.random(), light)


def _drift(rng: Random, amount: float, light: Irradiance) -> Float32Array:
    """Return a gain that varies smoothly with position and z where out of focus."""
    order = np.arange(len(light.planes), dtype=np.float32)[:, None, None]
    coarse = rng.standard_normal((2, 4, 4), np.float32)
    near, far = (enlarge(part, light.depth.shape) for part in coarse)
    phase = np.pi * rng.uniform(0.5, 1.5) * order / max(len(order) - 1, 1)
    defocus = scipy.ndimage.gaussian_filter(np.abs(light.depth - order), (0, 4, 4))
    drift = (np.cos(phase) * near + np.sin(phase) * far) * defocus / (1 + defocus)
    return np.asarray(np.maximum(1 + amount * drift, MIN_GAIN), np.float32)


def _record(
    rng: Random, spec: StackDistribution, light: Float32Array, quality: int | None = None
) -> Float32Array:
    """Return light as recorded by a camera: with noise, 256 grey levels, JPEG."""
    if rng.random() < spec.noise_share:
        electrons = log_uniform(rng, *spec.photon_electrons)
        read = rng.random() ** 2 * spec.read_share
        # Normal noise with the variance of photon and read noise together.
        sigma = np.sqrt(np.maximum(light, 0) / np.float32(electrons) + np.float32(read**2))
        light = np.asarray(light + sigma * rng.standard_normal(light.shape, np.float32), np.float32)
    if rng.random() >= spec.eight_bit_share and quality is None:
        return light
    grey = np.clip(np.rint(light * 255), 0, 255)
    # JPEG needs 256 grey levels: a share of all stacks becomes one of these.
    if rng.random() * spec.eight_bit_share < spec.jpeg_share and quality is None:
        quality = int(rng.integers(70, 97))
    if quality is not None:
        grey = np.stack([_through_jpeg(plane, quality) for plane in grey])
    return np.asarray(grey / np.float32(255), np.float32)


def _through_jpeg(grey: Float32Array, quality: int) -> Float32Array:
    file = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file), np.float32)
