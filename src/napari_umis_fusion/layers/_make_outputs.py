"""Which output layers a plan gives, and memory for them."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.fusion import passes_of
from napari_umis_fusion.layers._describe import depth_unit
from napari_umis_fusion.layers._outputs import OutputLayer
from napari_umis_fusion.layers._plan import OutputName
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.runtime import MEGABYTE, ScratchMemory

OUTPUT_SHARE = 0.5
"""Share of the memory of a run for its output layers. They are written once, but the maps of a
stack many times: a temporary file slows layers down less."""


def make_outputs(
    stacks: LayerStacks, config: FusionConfig, workspace: ScratchMemory
) -> list[OutputLayer]:
    """Allocate all output layers of a plan, in the memory of the run."""
    memory = workspace.part(OUTPUT_SHARE)
    return [
        OutputLayer(kind, image, stacks, memory) for kind, image in wanted_outputs(stacks, config)
    ]


def expected_outputs(stacks: LayerStacks, config: FusionConfig) -> tuple[float, bool]:
    """Return the memory of all output layers of a plan, in MB, and whether some are in a file."""
    ruler = _Ruler(OUTPUT_SHARE * config.memory_mb)
    for kind, image in wanted_outputs(stacks, config):
        OutputLayer(kind, image, stacks, ruler)
    return ruler.taken_mb, ruler.on_disk


class _Ruler(ScratchMemory):
    """Scratch memory that measures what is asked for, and gives arrays that take none."""

    def __init__(self, budget_mb: float) -> None:
        super().__init__(budget_mb)
        self.taken_mb = 0.0

    def lasting(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        array = np.broadcast_to(np.zeros((), dtype), shape)
        taken_mb = self.taken_mb + array.nbytes / MEGABYTE
        if taken_mb <= self.budget_mb:
            self.taken_mb = taken_mb
        else:
            self._is_on_disk = True
        return array


def wanted_outputs(
    stacks: LayerStacks, config: FusionConfig
) -> list[tuple[OutputName, LayerImage]]:
    """Return the kind of each output layer of a plan, and the layer that is fused for it.

    One all-in-focus image per layer; one of each map, or one per channel if fused separately.

    Raises
    ------
    ConfigError
        If there are none.
    """
    has_no_step = depth_unit(stacks.first, stacks.axes) is None
    absent = {
        "depth_map": has_no_step,
        "depth_error_map": has_no_step,
        "source_map": not passes_of(config, len(stacks.span.planes)).copies,
    }
    wanted: list[tuple[OutputName, LayerImage]] = []
    for kind in stacks.plan.outputs:
        every = kind == "all_in_focus" or stacks.plan.each_channel
        images = stacks.images if every else stacks.images[:1]
        wanted += [(kind, image) for image in images if not absent.get(kind)]
    if not wanted:
        raise ConfigError(
            f"outputs={stacks.plan.outputs!r} gives no layer: a depth map needs a layer with a "
            "scale along z, a source map needs blend='select'. Add another output."
        )
    return wanted
