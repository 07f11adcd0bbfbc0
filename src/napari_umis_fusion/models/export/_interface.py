"""The interface of a network for other programs: input and output tensors and their meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from napari_umis_fusion.network import (
    CHANNELS,
    MIN_SIDE_PX,
    STRIDE_PX,
    Architecture,
    PlaneRanker,
    UNetPlusPlus,
)
from napari_umis_fusion.preprocess import OUTLIERS_PERCENT

if TYPE_CHECKING:
    from napari_umis_fusion.network import Network

INPUT = "planes"
"""Name of the input tensor."""


@dataclass(frozen=True, slots=True)
class TensorAxis:
    """One axis of a tensor.

    Attributes
    ----------
    name : {"batch", "channel", "z", "y", "x"}
        Name of the axis.
    least : int
        Minimum length.
    step : int
        Step between lengths; 0: the length is fixed.
    """

    name: str
    least: int = 1
    step: int = 1


@dataclass(frozen=True, slots=True)
class TensorInterface:
    """Input and output of a network.

    Attributes
    ----------
    axes : tuple of TensorAxis
        Axes of the input.
    values : tuple of float
        Values of black and white in the input.
    channels : int
        Channels of the output; 0: it has the axes of the input.
    scaling : str
        How to scale the planes of a stack.
    outputs : mapping of str to str
        Meaning of each output, in at most 128 characters.
    summary, use, limits : str
        What the network is, how to use its outputs, and its limits.
    """

    axes: tuple[TensorAxis, ...]
    values: tuple[float, float]
    channels: int
    scaling: str
    outputs: Mapping[str, str]
    summary: str
    use: str
    limits: str

    @property
    def output_axes(self) -> tuple[TensorAxis, ...]:
        """Axes of each output."""
        channels = TensorAxis("channel", self.channels, 0)
        return tuple(channels if axis.name == "channel" else axis for axis in self.axes)


_PERCENTILES = f"{OUTLIERS_PERCENT} and {100 - OUTLIERS_PERCENT}"

_RANKER = TensorInterface(
    axes=(
        TensorAxis("batch"),
        TensorAxis("z"),
        TensorAxis("y", STRIDE_PX, STRIDE_PX),
        TensorAxis("x", STRIDE_PX, STRIDE_PX),
    ),
    values=(0.0, 1.0),
    channels=0,
    scaling=(
        "Grey planes of a stack, all scaled alike so that the stack spans about 0 to 1: "
        f"(value - low) / (high - low), where low and high are its percentiles {_PERCENTILES}. "
        f"Height and width are multiples of {STRIDE_PX} px: repeat the border to fill up."
    ),
    outputs={
        "select": "log-score for copying values: highest where the plane is sharpest; "
        "softmax along z gives shares",
        "weigh": "log-score for the weighted mean: softmax along z gives the weights of the planes",
    },
    summary=(
        "Ranks the planes of a focus stack at each pixel, compared with three planes before and "
        "after: which is in focus, and how much each should weigh in a mean."
    ),
    use=(
        "All-in-focus image by copying: at each pixel the value of the plane with the highest "
        "`select`. By averaging: the sum along z of the planes times softmax(`weigh`, z). Scores "
        'compare the planes of a pixel and nothing else. `focus_measure="learned"` of '
        "napari-umis-fusion does more: it adds half of the `select` of the same planes at half the "
        "resolution (means of 2 x 2 pixels, scores upsampled), verifies the consistency of the "
        "decision, and limits the mean to planes that agree with it."
    ),
    limits=(
        "Planes must be registered and in order of depth. Blur much wider than 36 px beside a "
        "bright background may count as in focus; half the resolution helps. Trained on rendered "
        "stacks: check it on your own stacks before you rely on it."
    ),
)

_FEATURES = TensorInterface(
    axes=(
        TensorAxis("batch"),
        TensorAxis("channel", 1, 0),
        TensorAxis("y", MIN_SIDE_PX),
        TensorAxis("x", MIN_SIDE_PX),
    ),
    values=(-1.0, 1.0),
    channels=CHANNELS[0],
    scaling=(
        "Grey planes, one at a time or several as a batch, all planes of a stack scaled alike: "
        "8-bit values v become v / 127.5 - 1; others are stretched so that the percentiles "
        f"{_PERCENTILES} of the stack become -1 and 1, and clipped. At least {MIN_SIDE_PX} px per "
        "side."
    ),
    outputs={"features": "node x[0][4] of the UNet++, 0 to 6: the input of the focus measure"},
    summary=(
        "Features of the UMIS-Fusion network, a UNet++ that learnt to rebuild single images; "
        "focus is how much they change around a pixel."
    ),
    use=(
        "The network does not measure focus. Deep spatial frequency does: the sum over the 16 "
        "features f of sqrt((f - left neighbour)^2 + (f - upper neighbour)^2), with zeros outside "
        "the plane, summed over 31 x 31 px around each pixel. At each pixel the plane with the "
        "highest sum is in focus. The layers that rebuild the image are not exported."
    ),
    limits=(
        "It processes one plane at a time, so noise and the edges of defocused objects count as "
        "detail, and the window of 31 x 31 px moves borders. Planes must be registered."
    ),
)

INTERFACES: Mapping[Architecture, TensorInterface] = {
    "plane-ranker": _RANKER,
    "umis-unetplusplus": _FEATURES,
}
"""Interface of each architecture."""


class RankerOutputs(nn.Module):
    """A plane ranker that returns its scores as a tuple, in the order of its interface."""

    def __init__(self, ranker: PlaneRanker) -> None:
        super().__init__()
        self.ranker = ranker

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Score stacks (N, Z, Y, X)."""
        scores = self.ranker(planes)
        return scores.select, scores.weigh


class FeatureOutputs(nn.Module):
    """A UMIS network that stops at its features."""

    def __init__(self, network: UNetPlusPlus) -> None:
        super().__init__()
        self.network = network

    def forward(self, planes: Tensor) -> tuple[Tensor]:
        """Compute features (N, 16, Y, X) of planes (N, 1, Y, X)."""
        return (self.network.features(planes),)


def exported_module(model: "Network") -> nn.Module:
    """Return the module with the outputs of the interface, without gradients."""
    wrapped = RankerOutputs(model) if isinstance(model, PlaneRanker) else FeatureOutputs(model)
    return wrapped.eval().requires_grad_(False)
