"""Events of the fusion of a layer."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.layers._focus_threshold import FocusThreshold
from napari_umis_fusion.layers._outputs import OutputLayer
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.runtime import Stage

if TYPE_CHECKING:
    from napari_umis_fusion.layers._summary import CheckedStack


@dataclass(frozen=True, slots=True)
class LayerStarted:
    """The layer was accepted.

    Attributes
    ----------
    stacks, planes : int
        Number of stacks, and of planes in each.
    """

    stacks: int
    planes: int


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """Progress, at least every 100 ms.

    Attributes
    ----------
    stack, stacks : int
        Which stack, from 0, of how many; all are aligned before the first is fused.
    stage : "aligning", "measuring" or "verifying"
        Current stage of this stack.
    done, total : int
        Planes of this stage that are done, and in total.
    share : float
        Share of all work that is done, 0 to 1.
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
        Layer data, as `fuse_layer` returns it.
    notes : tuple of str
        Information for the user, such as a fallback to the CPU.
    origins : tuple of OutputLayer
        Source maps, or else index maps, if requested: one, or one for each channel that was fused
        separately.
    config : FusionConfig
        How the stacks were fused.
    alignments : tuple of Alignment
        One for each time point and position in their order, or one for all. Empty without
        alignment.
    checked : tuple of CheckedStack
        What was found of the planes of each stack.
    stacks, planes : int
        Number of stacks, and of planes that were fused in each.
    never_in_focus : float
        Share of the pixels that no plane shows in focus, 0 to 1, as
        `FusionResult.never_in_focus` finds them on a grid of at most a million pixels.
    plan : LayerPlan
        Which part of the layer was fused.
    thresholds : tuple of FocusThreshold
        What is never in focus, with an adjustable threshold, if the focus map was requested: one,
        or one for each channel that was fused separately.
    outputs : tuple of OutputLayer
        What `layers` were made of.
    """

    layers: list[LayerData]
    notes: tuple[str, ...]
    origins: tuple[OutputLayer, ...]
    config: FusionConfig
    alignments: tuple[Alignment, ...] = ()
    checked: tuple["CheckedStack", ...] = ()
    stacks: int = 1
    planes: int = 0
    never_in_focus: float = 0.0
    plan: LayerPlan = field(default_factory=LayerPlan)
    thresholds: tuple[FocusThreshold, ...] = ()
    outputs: tuple[OutputLayer, ...] = ()


LayerEvent = LayerStarted | LayerProgress | LayerFinished
