"""The training set, validation set and test set of a training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_umis_fusion.training._config import TrainingConfig
from napari_umis_fusion.training.data._image_set import ImageSet


@dataclass(frozen=True, slots=True)
class ImageSplit:
    """Images for training, for validation, and for the comparison with the initial weights."""

    learn: ImageSet
    held_out: ImageSet
    test: ImageSet

    @property
    def compared(self) -> ImageSet:
        """Images on which the result is compared: the test set, or the validation set."""
        return self.test if len(self.test) else self.held_out

    def describe(self) -> dict[str, Any]:
        """Describe the data: numbers by source, and the images held out."""
        about = describe(self.learn, self.held_out)
        if len(self.test):
            about["test"] = _names(self.test)
        return about


def split_images(images: ImageSet, config: TrainingConfig) -> ImageSplit:
    """Split images with the shares of a config; raises `StackError` if there are too few."""
    shares = config.validation_share, config.test_share
    return ImageSplit(*images.split_with_test(*shares, config.seed))


def describe(learn: ImageSet, held_out: ImageSet) -> dict[str, Any]:
    """Describe the data: numbers of images by source, and the names of those held out."""
    counts = {source: learn.sources.count(source) for source in sorted(set(learn.sources))}
    return {"training_images": len(learn), "sources": counts, "held_out": _names(held_out)}


def _names(images: ImageSet) -> list[str]:
    return sorted(Path(name).name for name in images.names)
