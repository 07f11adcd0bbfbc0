"""A region of a layer that is fused repeatedly, and layer data at its place."""

from typing import Any

from numpy.typing import NDArray

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerData, LayerImage
from napari_umis_fusion.layers._fuse import fill_outputs
from napari_umis_fusion.layers._make_outputs import make_outputs
from napari_umis_fusion.layers._outputs import FusedImage
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.runtime import ScratchMemory


class MonitoredRegion:
    """One stack of a layer, and the placement of its results.

    Parameters
    ----------
    image : LayerImage
        Content of the layer.
    plan : LayerPlan
        The region; in a layer with several stacks, `index` selects one.

    Attributes
    ----------
    stack : LayerStack
        The stack to fuse; its planes are read each time.

    Raises
    ------
    StackError, ConfigError
        As `LayerStacks` raises them.
    """

    def __init__(self, image: LayerImage, plan: LayerPlan) -> None:
        self._stacks = LayerStacks([image], plan.replace(outputs=("all_in_focus",)))
        self._stacks.check_decision("auto")
        self._place = next(self._stacks.places())
        self.stack = self._stacks.stack(self._place)

    def layer_data(self, all_in_focus: NDArray[Any], name: str) -> LayerData:
        """Return layer data at the place of the region.

        Parameters
        ----------
        all_in_focus : ndarray of shape (Y, X) or (Y, X, C)
            Result of fusing `stack`.
        name : str
            Name of the layer.
        """
        config = FusionConfig()
        outputs = make_outputs(self._stacks, config, ScratchMemory(config.memory_mb))
        fill_outputs(outputs, self._stacks, self._place, FusedImage(all_in_focus))
        data, attributes, kind = outputs[0].layer_data({})
        return data, {**attributes, "name": name}, kind
