from ._copied_edges import CopiedEdges as CopiedEdges
from ._copy_planes import RecordedCopy as RecordedCopy
from ._copy_planes import iter_copy_recorded as iter_copy_recorded
from ._recorded_values import NearestToMean as NearestToMean
from ._recorded_values import iter_copy_nearest as iter_copy_nearest
