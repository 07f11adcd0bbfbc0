from ._undo import redo_fusion as redo_fusion
from ._undo import undo_fusion as undo_fusion
from ._widget import FusionWidget as FusionWidget
