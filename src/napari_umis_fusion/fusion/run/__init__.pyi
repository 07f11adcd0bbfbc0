from ._composed import Composed as Composed
from ._compositor import Compositor as Compositor
from ._described_result import describe_result as describe_result
from ._run import Run as Run
from ._run import iter_passes as iter_passes
