"""The memory of a fusion, before it is started."""

from collections.abc import Sequence

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.fusion import MemoryPlan, passes_of, plan_memory
from napari_umis_fusion.layers._align import config_for
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.runtime import ScratchMemory


def expected_memory(
    images: Sequence[LayerImage], config: FusionConfig, plan: LayerPlan
) -> MemoryPlan:
    """Return the memory that the fusion of a stack of a layer will take; nothing is read.

    Stacks of time points and positions are fused one after the other, in the same memory.

    Raises
    ------
    DeviceError
        If even small blocks need more memory than is free.
    UmisFusionError
        If the layers cannot be fused.
    """
    stacks = LayerStacks(images, plan)
    stack = stacks.stack(next(stacks.places()))
    config = config_for(stacks, config)
    with ScratchMemory(config.memory_mb) as workspace:
        return plan_memory(stack, config, passes_of(config, len(stack)), workspace)
