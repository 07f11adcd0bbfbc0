"""Which output layers a plan gives, and memory for them."""

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.fusion import passes_of
from napari_umis_fusion.layers._describe import depth_unit
from napari_umis_fusion.layers._outputs import OutputLayer
from napari_umis_fusion.layers._plan import OutputName
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.runtime import ScratchMemory

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
