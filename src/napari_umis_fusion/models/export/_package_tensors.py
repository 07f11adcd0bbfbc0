"""Test data and cover image of an exported network: a small stack and its outputs."""

import io
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from napari_umis_fusion.models.export._interface import INTERFACES, exported_module
from napari_umis_fusion.network import Checkpoint
from napari_umis_fusion.synthetic import make_stack

Floats = NDArray[np.float32]

PLANES = 5
SIDE_PX = 96
COVER_ZOOM = 2
OUTLIERS_PERCENT = 0.5
"""Clipped at either end, so that scaling the example again does not change it."""


@dataclass(frozen=True, slots=True, eq=False)
class ExampleTensors:
    """An input and the outputs of the network.

    Attributes
    ----------
    planes : ndarray of float32
        Input with the axes and the scaling of the interface.
    outputs : dict of str to ndarray of float32
        Outputs by name.
    """

    planes: Floats
    outputs: dict[str, Floats]


@torch.inference_mode()
def example_tensors(checkpoint: Checkpoint) -> ExampleTensors:
    """Run a network on a small rendered stack, or on one plane if it processes single planes."""
    interface = INTERFACES[checkpoint.architecture]
    stack = make_stack("bars", (SIDE_PX, SIDE_PX), planes=PLANES, channels=None).stack
    black, white = interface.values
    planes = black + (white - black) * _unit(stack)
    if "z" not in [axis.name for axis in interface.axes]:
        planes = planes[[PLANES // 2]]  # one plane; the axis of planes becomes that of channels
    batch: Floats = planes[np.newaxis].astype(np.float32)
    found = exported_module(checkpoint.model())(torch.from_numpy(batch))
    outputs = dict(zip(interface.outputs, (tensor.numpy() for tensor in found), strict=True))
    return ExampleTensors(batch, outputs)


def _unit(stack: NDArray[np.generic]) -> NDArray[np.float64]:
    """Stretch a stack to 0 to 1."""
    values = stack.astype(np.float64)
    low, high = np.percentile(values, (OUTLIERS_PERCENT, 100 - OUTLIERS_PERCENT))
    stretched: NDArray[np.float64] = np.clip((values - low) / (high - low), 0, 1)
    return stretched


def cover_picture(tensors: ExampleTensors) -> bytes:
    """Return a PNG with the middle plane and, beside it, the output of the network.

    The output is the all-in-focus image of a plane ranker, and otherwise the mean of the features.
    """
    planes = tensors.planes[0]
    first = next(iter(tensors.outputs.values()))[0]
    is_ranking = first.shape == planes.shape
    made = _sharpest(planes, first) if is_ranking else first.mean(axis=0)
    halves = [_grey(planes[len(planes) // 2]), _grey(made)]
    picture = Image.fromarray(np.concatenate(halves, axis=1))
    size = picture.width * COVER_ZOOM, picture.height * COVER_ZOOM
    written = io.BytesIO()
    picture.resize(size, Image.Resampling.BICUBIC).save(written, "PNG")
    return written.getvalue()


def _sharpest(planes: Floats, scores: Floats) -> Floats:
    """Copy each pixel from the plane with the highest score."""
    chosen: Floats = np.take_along_axis(planes, scores.argmax(axis=0)[np.newaxis], axis=0)[0]
    return chosen


def _grey(image: Floats) -> NDArray[np.uint8]:
    low, high = float(image.min()), float(image.max())
    levels = np.rint((image - low) * (255 / max(high - low, 1e-6)))
    grey: NDArray[np.uint8] = levels.astype(np.uint8)
    return grey
