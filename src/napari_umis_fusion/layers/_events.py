"""What the fusion of a layer tells on the way."""

from dataclasses import dataclass

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.layers._outputs import OutputLayer
from napari_umis_fusion.runtime import Stage


@dataclass(frozen=True, slots=True)
class LayerStarted:
    """The layer was accepted.

    Attributes
    ----------
    stacks, planes : int
        How many stacks there are, and planes in each.
    """

    stacks: int
    planes: int


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """Work goes on; comes at least every 100 ms.

    Attributes
    ----------
    stack, stacks : int
        Which stack, from 0, of how many; all are aligned before the first is fused.
    stage : "aligning", "measuring" or "verifying"
        What is done with it.
    done, total : int
        Planes of this stage finished, and in all.
    share : float
        How much of all work is behind, 0 to 1.
    """

    stack: int
    stacks: int
    stage: Stage
    done: int
    total: int
    share: float


@dataclass(frozen=True, slots=True)
class LayerFinished:
    """The last event.

    Attributes
    ----------
    layers : list of tuple
        What `fuse_layer` returns.
    notes : tuple of str
        What a user should know, such as a fallback to the CPU.
    origins : tuple of OutputLayer
        Maps of the plane that each pixel comes from, as far as they were asked for: one, or one
        for each layer that decided for itself.
    config : FusionConfig
        How the stacks were fused.
    alignments : tuple of Alignment
        Where planes lie: one for each time point, position and so on, in their order, or one that
        holds for all. Empty where none was asked for.
    """

    layers: list[LayerData]
    notes: tuple[str, ...]
    origins: tuple[OutputLayer, ...]
    config: FusionConfig
    alignments: tuple[Alignment, ...] = ()


LayerEvent = LayerStarted | LayerProgress | LayerFinished
