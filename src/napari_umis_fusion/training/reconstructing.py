"""Learn to rebuild single images, as UMIS-Fusion was published."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from napari_umis_fusion import losses
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.network.unetplusplus import UNetPlusPlus
from napari_umis_fusion.training.config import TrainingConfig
from napari_umis_fusion.training.images import Grey, ImageSet
from napari_umis_fusion.training.objective import Picture, Trial

MOST_TRIALS = 48

LEAST_ERROR = 1e-9
"""Squared errors below it (90 dB) count alike."""

_ORDER, _FLIPS = range(2)

FLIPS = ((), (0,), (1,))
"""Axes that are turned round: none, top with bottom, left with right."""

Grey8 = NDArray[np.uint8]


class ReconstructAim:
    """Trains a `UNetPlusPlus` to rebuild images from their features.

    Parameters
    ----------
    config : TrainingConfig
        Seed, size of the images and of a batch, and weights of the loss.
    images, held_out : ImageSet
        To learn from and to validate on; resized once, and kept as 8-bit grey.
    model : UNetPlusPlus, optional
        To go on with.

    Raises
    ------
    ConfigError
        If the model is another network.
    """

    score = "negative_loss"

    def __init__(
        self,
        config: TrainingConfig,
        images: ImageSet,
        held_out: ImageSet,
        model: nn.Module | None = None,
    ) -> None:
        if model is not None and not isinstance(model, UNetPlusPlus):
            raise ConfigError(
                f"got a {type(model).__name__} to start from; objective='reconstruct' trains the "
                "network of focus_measure='umis'. Give its weights, or none."
            )
        self.model: nn.Module = model or UNetPlusPlus()
        self.steps_per_epoch = math.ceil(len(images) / config.batch)
        self.trials = min(MOST_TRIALS, len(held_out))
        self._config = config
        self._learn = [_resized(image, config) for image in images.images]
        self._held_out = [_resized(image, config) for image in held_out.images[:MOST_TRIALS]]

    def batch(self, step: int) -> Tensor:
        """Take the images of a step, flipped at random: (N, 1, Y, X), -1 to 1.

        An epoch takes every image once; its last batch may be smaller.
        """
        epoch, at = divmod(step, self.steps_per_epoch)
        seed, size = self._config.seed, self._config.batch
        order = np.random.default_rng([_ORDER, seed, epoch]).permutation(len(self._learn))
        chosen = order[at * size : (at + 1) * size]
        flips = np.random.default_rng([_FLIPS, seed, step]).integers(len(FLIPS), size=len(chosen))
        images = [self._learn[i] for i in chosen]
        turned = [np.flip(g, FLIPS[flip]) for g, flip in zip(images, flips, strict=True)]
        return as_input(np.stack(turned))

    def losses(self, batch: Tensor, device: torch.device) -> dict[str, Tensor]:
        """Return how far the rebuilt images are from their input, by four measures."""
        images = batch.to(device)
        return self._terms(self.model(images), images)

    @torch.inference_mode()
    def attempt(self, index: int, device: torch.device) -> Trial:
        """Rebuild an image that is held out."""
        images = as_input(self._held_out[index][None]).to(device)
        rebuilt: Tensor = self.model(images)
        terms = {name: float(term) for name, term in self._terms(rebuilt, images).items()}
        total = sum(terms.values())
        before, after = as_picture(images), as_picture(rebuilt)
        metrics = {"negative_loss": -total, "loss": total, "psnr": psnr(after, before), **terms}
        return Trial(metrics, {"image": before, "rebuilt": np.clip(after, 0, 1)})

    def _terms(self, rebuilt: Tensor, images: Tensor) -> dict[str, Tensor]:
        """Weigh the losses, in float32 wherever the network itself is computed."""
        config = self._config
        with torch.autocast(images.device.type, enabled=False):
            pair = rebuilt.float(), images
            frequency = losses.spatial_frequency_loss(*pair, config.spatial_frequency)
            return {
                "mse": config.mse_weight * losses.mse_loss(*pair),
                "ssim": config.ssim_weight * losses.ssim_loss(*pair),
                "gradient": config.gradient_weight * losses.gradient_loss(*pair),
                "spatial_frequency": config.spatial_frequency_weight * frequency,
            }


def as_input(greys: Grey8) -> Tensor:
    """Turn 8-bit grey (N, Y, X) into what the network takes: (N, 1, Y, X), -1 to 1."""
    unit = greys[:, None].astype(np.float32) / np.float32(255)
    return torch.from_numpy((unit - np.float32(0.5)) / np.float32(0.5))


def as_picture(planes: Tensor) -> Picture:
    """Turn the network's (1, 1, Y, X) into (Y, X), where -1 to 1 becomes 0 to 1."""
    picture: Picture = (planes[0, 0].float() * 0.5 + 0.5).cpu().numpy()
    return picture


def psnr(rebuilt: Picture, image: Picture) -> float:
    """Return the peak signal-to-noise ratio, in dB, of images that span 0 to 1."""
    error = float(np.mean((rebuilt - image) ** 2, dtype=np.float64))
    return -10 * math.log10(max(error, LEAST_ERROR))


def _resized(image: Grey, config: TrainingConfig) -> Grey8:
    """Return 8-bit grey of the configured size, as the original resizes it."""
    grey = Image.fromarray(np.rint(image * np.float32(255)).astype(np.uint8))
    size = (config.width_px, config.height_px)
    return np.asarray(grey.resize(size, Image.Resampling.BILINEAR))
