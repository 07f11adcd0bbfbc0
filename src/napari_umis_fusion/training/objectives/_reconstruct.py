"""Learn to rebuild single images, as UMIS-Fusion was published."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.focus_measure import REFERENCE_WINDOW_PX, feature_change
from napari_umis_fusion.network import UNetPlusPlus
from napari_umis_fusion.synthetic import StackDistribution, StackSampler, TrainingStack
from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training._result import GreyImage
from napari_umis_fusion.training.data import Grey, ImageSet
from napari_umis_fusion.training.objectives import _losses as losses
from napari_umis_fusion.training.objectives._objective import ValidationExample

MAX_VALIDATION_EXAMPLES = 48

MIN_ERROR = 1e-9
"""Smaller squared errors (above 90 dB) count as this one."""

RENDERED = StackDistribution(size_px=128, planes=(2, 8))
"""Stacks that are fused in validation, because a good rebuild alone does not measure focus."""

_ORDER, _FLIPS, _RENDER = range(3)

FLIPS = ((), (0,), (1,))
"""Flipped axes: none, rows, columns."""

Grey8 = NDArray[np.uint8]


class ReconstructObjective:
    """Trains a `UNetPlusPlus` to rebuild images from their features.

    Parameters
    ----------
    config : TrainingConfig
        Seed, size of the images and of a batch, and weights of the loss.
    images, held_out : ImageSet
        Training set and validation set; resized once, and stored as 8-bit grey.
    model : UNetPlusPlus, optional
        Network with initial weights.

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
                f"got initial weights of a {type(model).__name__}; objective='reconstruct' trains "
                "the network of focus_measure='umis'. Give its weights, or none."
            )
        self.model: nn.Module = model or UNetPlusPlus()
        self.steps_per_epoch = math.ceil(len(images) / config.batch)
        self.validation_examples = min(MAX_VALIDATION_EXAMPLES, len(held_out))
        self._config = config
        self._learn = [_resized(image, config) for image in images.images]
        shown = held_out.images[:MAX_VALIDATION_EXAMPLES]
        self._held_out = [_resized(image, config) for image in shown]
        self._renderers = [StackSampler([image], RENDERED) for image in shown]

    def batch(self, step: int) -> Tensor:
        """Return the images of a step, randomly flipped: (N, 1, Y, X), -1 to 1.

        An epoch uses every image once; its last batch may be smaller.
        """
        epoch, at = divmod(step, self.steps_per_epoch)
        seed, size = self._config.seed, self._config.batch
        order = np.random.default_rng([_ORDER, seed, epoch]).permutation(len(self._learn))
        chosen = order[at * size : (at + 1) * size]
        rng = np.random.default_rng([_FLIPS, seed, step])
        flips = rng.integers(len(FLIPS), size=len(chosen))
        flips[rng.random(len(chosen)) >= self._config.augmentation] = 0
        images = [self._learn[i] for i in chosen]
        turned = [np.flip(g, FLIPS[flip]) for g, flip in zip(images, flips, strict=True)]
        return as_input(np.stack(turned))

    def losses(self, batch: Tensor, device: torch.device) -> dict[str, Tensor]:
        """Return four losses of the rebuilt images against their input."""
        images = batch.to(device)
        return self._terms(self.model(images), images)

    @torch.inference_mode()
    def validate_example(self, index: int, device: torch.device) -> ValidationExample:
        """Rebuild a validation image, and fuse a stack that is rendered from it."""
        images = as_input(self._held_out[index][None]).to(device)
        rebuilt: Tensor = self.model(images)
        terms = {name: float(term) for name, term in self._terms(rebuilt, images).items()}
        total = sum(terms.values())
        before, after = as_picture(images), as_picture(rebuilt)
        stack = self._renderers[index].draw([_RENDER, index])
        fused = self._fused(stack, device)
        metrics = {
            "negative_loss": -total,
            "loss": total,
            "psnr": psnr_of_unit_images(after, before),
            **terms,
        }
        metrics["psnr_fused"] = psnr_of_unit_images(fused, stack.all_in_focus)
        return ValidationExample(metrics, {"image": before, "rebuilt": np.clip(after, 0, 1)})

    def _fused(self, stack: TrainingStack, device: torch.device) -> GreyImage:
        """Copy each pixel from the plane whose deep spatial frequency is highest."""
        planes = torch.from_numpy((stack.planes[:, None] - np.float32(0.5)) / np.float32(0.5))
        assert isinstance(self.model, UNetPlusPlus)
        features = self.model.features(planes.to(device)).float()
        change = torch.stack([feature_change(plane) for plane in features])
        reach = REFERENCE_WINDOW_PX // 2
        focus = F.avg_pool2d(change[:, None], REFERENCE_WINDOW_PX, 1, reach)[:, 0]
        chosen = focus.argmax(0, keepdim=True).cpu().numpy()
        picture: GreyImage = np.take_along_axis(stack.steady, chosen, 0)[0]
        return picture

    def _terms(self, rebuilt: Tensor, images: Tensor) -> dict[str, Tensor]:
        """Return the weighted losses, in float32 even if the network computes in bfloat16."""
        config = self._config
        # structural similarity subtracts nearly equal numbers, which bfloat16 cannot
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
    """Convert 8-bit grey images (N, Y, X) to the input of the network: (N, 1, Y, X), -1 to 1."""
    unit = greys[:, None].astype(np.float32) / np.float32(255)
    return torch.from_numpy((unit - np.float32(0.5)) / np.float32(0.5))


def as_picture(planes: Tensor) -> GreyImage:
    """Convert an output (1, 1, Y, X) from -1 to 1 to an image (Y, X) from 0 to 1."""
    picture: GreyImage = (planes[0, 0].float() * 0.5 + 0.5).cpu().numpy()
    return picture


def psnr_of_unit_images(rebuilt: GreyImage, image: GreyImage) -> float:
    """Return the peak signal-to-noise ratio, in dB, of images that span 0 to 1."""
    error = float(np.mean((rebuilt - image) ** 2, dtype=np.float64))
    return -10 * math.log10(max(error, MIN_ERROR))


def _resized(image: Grey, config: TrainingConfig) -> Grey8:
    """Return 8-bit grey of the configured size, resized as in the published method."""
    grey = Image.fromarray(np.rint(image * np.float32(255)).astype(np.uint8))
    size = (config.width_px, config.height_px)
    return np.asarray(grey.resize(size, Image.Resampling.BILINEAR))
