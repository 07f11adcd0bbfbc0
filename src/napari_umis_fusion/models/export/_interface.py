"""What a network is to other programs: the tensors that go in and come out, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from napari_umis_fusion.network import (
    CHANNELS,
    MIN_SIDE_PX,
    STRIDE_PX,
    Architecture,
    Network,
    PlaneRanker,
    UNetPlusPlus,
)
from napari_umis_fusion.preprocess import OUTLIERS_PERCENT

INPUT = "planes"
"""Name of the tensor that goes in."""


@dataclass(frozen=True, slots=True)
class TensorAxis:
    """One axis of a tensor.

    Attributes
    ----------
    name : {"batch", "channel", "z", "y", "x"}
        Which it is.
    least : int
        Shortest length.
    step : int
        By which longer ones differ; 0: it has this length and no other.
    """

    name: str
    least: int = 1
    step: int = 1


@dataclass(frozen=True, slots=True)
class TensorInterface:
    """What goes into a network and what comes out.

    Attributes
    ----------
    axes : tuple of TensorAxis
        Of the planes that go in.
    values : tuple of float
        What black and white of a stack become.
    channels : int
        Of what comes out; 0: it has the axes of what goes in.
    scaling : str
        How planes are prepared, for people.
    outputs : mapping of str to str
        What comes out, by name, each in at most 128 characters.
    summary, use, limits : str
        What the network is, what to do with its outputs, and what it cannot do.
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
        """Axes of each output, in order."""
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
        "Ranks the planes of a focus stack at each pixel, in sight of three planes before and "
        "after: which is in focus, and how much each should weigh in a mean."
    ),
    use=(
        "All-in-focus image by copying: at each pixel the value of the plane with the highest "
        "`select`. By averaging: the sum along z of the planes times softmax(`weigh`, z). Scores "
        'compare the planes of a pixel and nothing else. `focus_measure="learned"` of '
        "napari-umis-fusion goes on from here: it adds half of the `select` of the same planes at "
        "half the resolution (means of 2 x 2 pixels, scores enlarged again), cleans the choice, "
        "and lets planes into the mean only as far as they agree with it."
    ),
    limits=(
        "Planes must be registered and in order of depth. Blur much wider than 36 px beside a "
        "bright ground may count as in focus; half the resolution helps. Trained on rendered "
        "stacks: check on stacks of your own before you rely on it."
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
        "8-bit values v become v / 127.5 - 1; others are stretched so that the stack's "
        f"percentiles {_PERCENTILES} become -1 and 1, and clipped. At least {MIN_SIDE_PX} px a "
        "side."
    ),
    outputs={
        "features": "node x[0][4] of the UNet++, 0 to 6: what the focus measure is computed on"
    },
    summary=(
        "Features of the UMIS-Fusion network, a UNet++ that learnt to rebuild single images; "
        "focus is how much they change around a pixel."
    ),
    use=(
        "The network does not tell focus itself. Deep spatial frequency does: the sum over the 16 "
        "features f of sqrt((f - left neighbour)^2 + (f - upper neighbour)^2), with zeros outside "
        "the plane, summed over 31 x 31 px around each pixel. At each pixel the plane with the "
        "highest sum is in focus. The layers that rebuild the image are not exported."
    ),
    limits=(
        "It looks at one plane at a time, so noise and the edges of unsharp objects count as "
        "detail, and the window of 31 x 31 px moves borders. Planes must be registered."
    ),
)

INTERFACES: Mapping[Architecture, TensorInterface] = {
    "plane-ranker": _RANKER,
    "umis-unetplusplus": _FEATURES,
}
"""By what checkpoints are of."""


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


def exported_module(model: Network) -> nn.Module:
    """Return the module that computes what the interface says, without gradients."""
    wrapped = RankerOutputs(model) if isinstance(model, PlaneRanker) else FeatureOutputs(model)
    return wrapped.eval().requires_grad_(False)
