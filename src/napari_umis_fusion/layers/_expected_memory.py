"""The memory of a fusion, before it is started."""

from collections.abc import Sequence

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.fusion import MemoryPlan, passes_of, plan_memory
from napari_umis_fusion.layers._align import config_for
from napari_umis_fusion.layers._make_outputs import expected_outputs
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.runtime import ScratchMemory


def expected_memory(
    images: Sequence[LayerImage], config: FusionConfig, plan: LayerPlan
) -> MemoryPlan:
    """Return the memory that the fusion of a layer will take; nothing is read.

    Stacks of time points and positions are fused one after the other, in the same memory; what
    was fused stays, in the output layers.

    Raises
    ------
    DeviceError
        If even small blocks need more memory than is free.
    UmisFusionError
        If the layers cannot be fused.
    """
    stacks = LayerStacks(images, plan)
    places = list(stacks.places())
    stack, config = stacks.stack(places[0]), config_for(stacks, config)
    outputs_mb, _ = expected_outputs(stacks, config)
    # Those of several stacks are there before the first of them is fused.
    before_mb = outputs_mb if len(places) > 1 else 0.0
    with ScratchMemory(config.memory_mb - before_mb) as workspace:
        passes, count = passes_of(config, len(stack)), len(places)
        given = stack, config, passes, workspace
        return plan_memory(*given, outputs_mb=outputs_mb, stacks=count)
