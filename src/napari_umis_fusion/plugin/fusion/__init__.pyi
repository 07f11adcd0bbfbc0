from ._fused_layers import FusedLayers as FusedLayers
from ._preset_choice import DEFAULT_PRESET as DEFAULT_PRESET
from ._preview_layers import PreviewLayers as PreviewLayers
from ._shortcuts import Shortcuts as Shortcuts
from ._undo import redo_fusion as redo_fusion
from ._undo import undo_fusion as undo_fusion
from ._widget import FusionWidget as FusionWidget
