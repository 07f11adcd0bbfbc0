from ._island_look import Fused as Fused
from ._island_map import FAR_PLANES as FAR_PLANES
from ._island_map import WORKING_PX as WORKING_PX
from ._islands import iter_settle_islands as iter_settle_islands
